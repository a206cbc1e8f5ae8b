"""SpecAugment: bands and stretches of a spectrogram blotted out in training."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class SpecAugment(keras.layers.Layer):
    """Sets random bands of frequencies and stretches of time to zero, in training only.

    Put it behind a normalisation, so that zero is the mean.

    Args:
        frequency_masks: bands for each utterance.
        frequency_width: largest width of a band, in bins.
        time_masks: stretches for each utterance.
        time_width: largest length of a stretch, in frames.
        time_share: largest length of a stretch as a share of the utterance's own frames.
        seed: of the random numbers.

    Input shape:
        features [n, frames, bins]; lengths int [n].

    Output shape:
        [n, frames, bins].

    Source: Park et al., "SpecAugment", Interspeech 2019 (without time warping).

    >>> layer = SpecAugment(seed=1)
    >>> features = ops.ones((2, 50, 80))
    >>> bool(ops.all(layer(features, ops.array([50, 30])) == features))
    True
    >>> bool(ops.all(layer(features, ops.array([50, 30]), training=True) == features))
    False
    """

    def __init__(
        self,
        frequency_masks: int = 2,
        frequency_width: int = 15,
        time_masks: int = 2,
        time_width: int = 25,
        time_share: float = 0.15,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frequency_masks, self.frequency_width = frequency_masks, frequency_width
        self.time_masks, self.time_width, self.time_share = time_masks, time_width, time_share
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, features, lengths, training=False):
        if not training:
            return features
        count, frames, bins = ops.shape(features)[0], ops.shape(features)[1], features.shape[2]
        keep = ops.ones((count, 1, 1), dtype="bool")
        if self.frequency_masks:
            whole = ops.full((count,), float(bins))
            widest = ops.full((count,), float(self.frequency_width + 1))
            keep = ops.logical_and(keep, self._outside(self.frequency_masks, widest, whole, bins)[:, None, :])
        if self.time_masks:
            whole = ops.cast(lengths, "float32")
            widest = ops.minimum(float(self.time_width), whole * self.time_share) + 1.0
            keep = ops.logical_and(keep, self._outside(self.time_masks, widest, whole, frames)[:, :, None])
        return ops.where(keep, features, ops.zeros((), dtype=features.dtype))

    def _outside(self, masks, widest, whole, positions):
        """Returns bool [n, positions]: not covered by any of `masks` stretches narrower than `widest` [n] inside `whole` [n]."""
        draws = keras.random.uniform((2, ops.shape(whole)[0], masks), seed=self.seed_generator, dtype="float32")
        width = ops.floor(draws[0] * widest[:, None])
        start = ops.floor(draws[1] * (whole[:, None] - width + 1.0))
        position = ops.arange(positions, dtype="float32")[None, None, :]
        inside = ops.logical_and(position >= start[:, :, None], position < (start + width)[:, :, None])
        return ops.logical_not(ops.any(inside, axis=1))

    def compute_output_shape(self, features_shape, lengths_shape):
        return features_shape

    def get_config(self):
        names = "frequency_masks frequency_width time_masks time_width time_share seed".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
