"""Mel-frequency cepstral coefficients from log-mel features."""

from __future__ import annotations

import keras
import numpy as np
import scipy.fft
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class Cepstra(keras.layers.Layer):
    """The first coefficients of the cosine transform of each frame's log-mel bands (MFCC).

    Nothing is liftered: put a normalisation behind it, which undoes every scale.

    Args:
        coefficients: number of coefficients, the zeroth (loudness) among them.

    Input shape:
        features [n, frames, bins], natural logarithms of mel bands.

    Output shape:
        [n, frames, coefficients]; zeros stay zeros. Equal to `librosa.feature.mfcc(S=features)`: the orthonormal DCT-II.

    Source: Davis and Mermelstein, IEEE Transactions on Acoustics, Speech, and Signal Processing 28 (1980) 357-366.

    >>> layer = Cepstra(2)
    >>> layer(ops.ones((1, 1, 4))).numpy().round(3).tolist()
    [[[2.0, 0.0]]]
    """

    def __init__(self, coefficients: int = 13, **kwargs):
        super().__init__(**kwargs)
        self.coefficients = coefficients

    def build(self, features_shape):
        bins = features_shape[-1]
        if self.coefficients > bins:
            raise ValueError(f"{self.coefficients} cepstral coefficients of {bins} mel bands; expected at most {bins}")
        self._basis = scipy.fft.dct(np.eye(bins), axis=1, norm="ortho")[:, : self.coefficients]

    def call(self, features):
        features = ops.cast(features, self.compute_dtype)
        return ops.matmul(features, ops.cast(self._basis, self.compute_dtype))

    def compute_output_shape(self, features_shape):
        return (*features_shape[:-1], self.coefficients)

    def get_config(self):
        return {**super().get_config(), "coefficients": self.coefficients}
