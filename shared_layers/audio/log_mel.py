"""Log-mel features of padded waveforms of known lengths."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class LogMel(keras.layers.Layer):
    """Natural logarithm of the power in triangular bands on the mel scale, from whole windows of real samples only.

    `keras.layers.MelSpectrogram` centres its windows on mirrored edges and clips to the loudest value of the batch, so that
    padding and neighbours change an utterance's features; here neither does. Computed in float32 under every policy.

    Args:
        sample_rate: samples per second.
        bins: number of mel bands.
        window_length: samples of the Hann window.
        hop_length: samples between windows.
        lowest_hertz: lower edge of the first band.
        highest_hertz: upper edge of the last band; None: half the sample rate.
        floor: power below which a band counts as silent.

    Input shape:
        waveforms [n, samples] in [-1, 1]; lengths int [n], real samples of each.

    Output shape:
        features float32 [n, frames, bins], zeros in padded frames, and real frames int32 [n]:
        1 + (samples - window_length) // hop_length, or 0 where a waveform is shorter than one window.

    Source: the HTK Book, section 5.4 (triangles on the mel axis). Within 0.15 dB of
    `librosa.feature.melspectrogram(htk=True, norm=None, center=False)`, whose triangles stand on the axis of frequencies.

    >>> features, frames = LogMel(bins=40)(tf.zeros([1, 16000]), tf.constant([800]))
    >>> features.shape, frames.numpy().tolist()
    (TensorShape([1, 98, 40]), [3])
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        bins: int = 80,
        window_length: int = 400,
        hop_length: int = 160,
        lowest_hertz: float = 20.0,
        highest_hertz: float | None = None,
        floor: float = 1e-7,
        **kwargs,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.sample_rate, self.bins = sample_rate, bins
        self.window_length, self.hop_length = window_length, hop_length
        self.lowest_hertz, self.highest_hertz, self.floor = lowest_hertz, highest_hertz, floor
        self.supports_jit = False

    def frames(self, samples):
        """Returns the number of whole windows in so many samples (int tensor)."""
        return tf.maximum(0, 1 + (tf.cast(samples, tf.int32) - self.window_length) // self.hop_length)

    def call(self, waveforms, lengths):
        missing = tf.maximum(0, self.window_length - tf.shape(waveforms)[1])  # at least one frame, if only a padded one
        waveforms = tf.pad(tf.cast(waveforms, tf.float32), [[0, 0], [0, missing]])
        length = 1 << (self.window_length - 1).bit_length()
        spectrum = tf.signal.stft(waveforms, self.window_length, self.hop_length, length)
        power = tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2
        bands = tf.signal.linear_to_mel_weight_matrix(
            self.bins, length // 2 + 1, self.sample_rate, self.lowest_hertz, self.highest_hertz or self.sample_rate / 2
        )
        features = tf.math.log(tf.maximum(tf.tensordot(power, bands, 1), self.floor))
        frames = self.frames(lengths)
        return zero_padded_frames(features, frames), frames

    def compute_output_shape(self, waveforms_shape, lengths_shape):
        samples = waveforms_shape[1]
        frames = None if samples is None else max(1, 1 + (samples - self.window_length) // self.hop_length)
        return (waveforms_shape[0], frames, self.bins), tuple(lengths_shape)

    def compute_output_spec(self, waveforms, lengths):
        features, frames = self.compute_output_shape(waveforms.shape, lengths.shape)
        return keras.KerasTensor(features, "float32"), keras.KerasTensor(frames, "int32")

    def get_config(self):
        names = "sample_rate bins window_length hop_length lowest_hertz highest_hertz floor".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
