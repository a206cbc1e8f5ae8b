"""Power of frequency bands over time."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="shared_layers")
class BandPower(keras.layers.Layer):
    """Returns the momentary power of each band: the squared envelope of the band-passed signal (Hilbert transform).

    The recording is mirrored at both ends, transformed, and each band's positive frequencies are kept with half-cosine flanks;
    transformed back this is the band's analytic signal. A sine of amplitude A inside a band gives A^2 / 2. Computed in
    float32 under every policy.

    Args:
        bands: (lowest, highest) frequency of each band in hertz.
        sample_rate: samples per second.
        flank: width in hertz of the half-cosine outside each edge.

    Input shape:
        [batch, electrodes, samples], samples known.

    Output shape:
        float32 [batch, electrodes, bands, samples], the input's unit squared.

    Source: Bruns, "Fourier-, Hilbert- and wavelet-based signal analysis: are they really different approaches?", 2004.

    >>> times = np.arange(1024) / 256
    >>> power = BandPower([[8, 13], [15, 30]], 256)(2 * np.sin(2 * np.pi * 10 * times)[None, None])
    >>> power.numpy()[0, 0, :, 512].round(1).tolist()
    [2.0, 0.0]
    """

    def __init__(self, bands: Sequence[Sequence[float]], sample_rate: float, flank: float = 1.0, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.bands = [[float(edge) for edge in band] for band in bands]
        self.sample_rate, self.flank = sample_rate, flank
        for low, high in self.bands:
            if not 0 < low < high <= sample_rate / 2:
                raise ValueError(f"band {low:g} to {high:g} Hz: expected 0 < low < high <= {sample_rate / 2:g}")

    def response(self, length: int) -> np.ndarray:
        """Returns the weight of each frequency of a transform of `length` samples: [bands, length], 0 for negative ones."""
        frequency = np.fft.fftfreq(length, 1 / self.sample_rate)
        rows = []
        for low, high in self.bands:
            outside = np.maximum(low - frequency, frequency - high)
            gain = np.where(outside <= 0, 1.0, 0.5 + 0.5 * np.cos(np.pi * np.clip(outside / self.flank, 0, 1)))
            rows.append(np.where(frequency > 0, gain, 0.0))
        return np.array(rows)

    def call(self, inputs):
        samples = inputs.shape[-1]
        border = min(samples - 1, samples // 2)
        signals = tf.cast(inputs, tf.float32)
        signals = signals - tf.reduce_mean(signals, axis=-1, keepdims=True)
        signals = tf.pad(signals, [[0, 0], [0, 0], [border, border]], mode="REFLECT")
        spectrum = tf.signal.fft(tf.cast(signals, tf.complex64))[:, :, None]
        weights = tf.constant(2 * self.response(samples + 2 * border), tf.complex64)
        analytic = tf.signal.ifft(spectrum * weights)[..., border : border + samples]
        return 0.5 * (tf.math.real(analytic) ** 2 + tf.math.imag(analytic) ** 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], len(self.bands), input_shape[2])

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def get_config(self):
        return {**super().get_config(), "bands": self.bands, "sample_rate": self.sample_rate, "flank": self.flank}
