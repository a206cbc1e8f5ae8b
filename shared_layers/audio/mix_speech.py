"""MixSpeech: utterances laid over one another in training, each heard by its share."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class MixSpeech(keras.layers.Layer):
    """Mixes some utterances of a batch with the one before them (the first with the last), in training only.

    The model's loss has to go by the same shares; `shared_layers.ctc.model.CTCModel` does where they are its output `own_share`.
    Put it behind a normalisation, so that padding is the mean and all utterances are of one loudness.

    Args:
        share: of the utterances that are mixed, 0 to 1.
        concentration: both parameters of the beta distribution that each mixed utterance's own share is drawn from; below 1 one of
            the two is mostly faint.
        seed: of the random numbers.

    Input shape:
        features [n, frames, bins], zeros in padded frames; lengths int [n].

    Output shape:
        features [n, frames, bins]; lengths int [n], of the longer of the two where utterances are mixed; own share [n], 1
        where they are not.

    Source: Meng et al., "MixSpeech: data augmentation for low-resource automatic speech recognition", ICASSP 2021.

    >>> layer = MixSpeech(1.0, seed=1)
    >>> features, lengths = ops.ones((2, 50, 80)), ops.array([50, 30])
    >>> [int(n) for n in layer(features, lengths, training=True)[1]]
    [50, 50]
    >>> [int(n) for n in layer(features, lengths)[1]]
    [50, 30]
    """

    def __init__(self, share: float, concentration: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.share, self.concentration, self.seed = share, concentration, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, features, lengths, training=False):
        count = ops.shape(features)[:1]
        if not training:
            return features, lengths, ops.ones(count, dtype=features.dtype)
        mixed = keras.random.uniform(count, dtype="float32", seed=self.seed_generator) < self.share
        drawn = keras.random.beta(
            count, self.concentration, self.concentration, dtype="float32", seed=self.seed_generator
        )
        own = ops.cast(ops.where(mixed, drawn, 1.0), features.dtype)
        weight = own[:, None, None]
        features = weight * features + (1 - weight) * ops.roll(features, 1, axis=0)
        longer = ops.maximum(lengths, ops.roll(lengths, 1, axis=0))
        return features, ops.where(mixed, longer, lengths), own

    def compute_output_spec(self, features, lengths, training=False):
        own = keras.KerasTensor(lengths.shape, dtype=features.dtype)
        return (
            keras.KerasTensor(features.shape, dtype=features.dtype),
            keras.KerasTensor(lengths.shape, dtype=lengths.dtype),
            own,
        )

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in ("share", "concentration", "seed")}}
