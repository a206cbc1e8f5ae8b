"""Vocal tract length perturbation: the frequencies of a mel spectrogram stretched or squeezed in training."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class WarpFrequencies(keras.layers.Layer):
    """Makes each utterance sound as from a longer or shorter vocal tract, in training only.

    Each utterance draws a factor from 1 - largest to 1 + largest; its band at frequency f then shows what stood at factor x f, by
    linear interpolation between bands, and the edge bands beyond the edges.

    Args:
        largest: largest relative change of a frequency, below 1.
        sample_rate: samples per second.
        lowest_hertz: lower edge of the first band.
        highest_hertz: upper edge of the last band; None: half the sample rate.
        seed: of the random numbers.

    Input shape:
        features [n, frames, bins], logarithms of the power in bands that are evenly spaced on the mel scale.

    Output shape:
        [n, frames, bins].

    Source: Jaitly and Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", ICML workshop on deep learning
    for audio, speech and language 2013, without its bend at the highest formants.

    >>> layer = WarpFrequencies(0.1, seed=1)
    >>> features = ops.ones((2, 5, 8))
    >>> bool(ops.all(layer(features) == features))
    True
    """

    def __init__(
        self,
        largest: float = 0.1,
        sample_rate: int = 16000,
        lowest_hertz: float = 20.0,
        highest_hertz: float | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.largest, self.sample_rate, self.seed = largest, sample_rate, seed
        self.lowest_hertz, self.highest_hertz = lowest_hertz, highest_hertz
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, features, training=False):
        if not training:
            return features
        factors = keras.random.uniform(
            (ops.shape(features)[0],), 1.0 - self.largest, 1.0 + self.largest, dtype="float32", seed=self.seed_generator
        )
        return self.warped(features, factors)

    def warped(self, features, factors):
        """Returns features [n, frames, bins] whose frequencies are multiplied by factors float32 [n] before they are looked up."""
        bins = features.shape[2]
        low, high = (_mel(hertz) for hertz in (self.lowest_hertz, self.highest_hertz or self.sample_rate / 2))
        step = (high - low) / (bins + 1)
        centres = _hertz(low + step * np.arange(1, bins + 1)).astype("float32")
        looked_up = 1127.0 * ops.log1p(factors[:, None] * centres / 700.0)
        places = ops.clip((looked_up - low) / step - 1.0, 0.0, bins - 1.0)
        # a product with weights that fall off linearly: no gather, whose gradient a GPU adds up in any order
        distances = ops.abs(places[:, None, :] - ops.arange(bins, dtype="float32")[None, :, None])
        return ops.matmul(features, ops.cast(ops.relu(1.0 - distances), features.dtype))

    def compute_output_shape(self, features_shape):
        return features_shape

    def get_config(self):
        names = "largest sample_rate lowest_hertz highest_hertz seed".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _mel(hertz: float) -> float:
    return 1127.0 * np.log1p(hertz / 700.0)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700.0 * np.expm1(mel / 1127.0)
