"""Bidirectional LSTM over sequences of explicit lengths."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class BidirectionalLSTM(keras.layers.Layer):
    """Runs one LSTM forwards and one backwards from each sequence's own last frame, and joins their outputs.

    Both LSTMs see the real frames first and the padding after them, so no mask is needed (faster, and cuDNN takes it) and
    padding changes no real frame.

    Args:
        units: width of each direction.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, 2 units], zeros in padded frames.

    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997) 1735-1780; Graves and Schmidhuber, Neural Networks 18
    (2005) 602-610.

    >>> layer = BidirectionalLSTM(3)
    >>> layer(ops.ones((2, 5, 4)), ops.array([5, 2])).shape
    TensorShape([2, 5, 6])
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.forwards = keras.layers.LSTM(units, return_sequences=True, dtype=self.dtype_policy, name="forwards")
        self.backwards = keras.layers.LSTM(units, return_sequences=True, dtype=self.dtype_policy, name="backwards")
        self.supports_jit = False

    def build(self, sequences_shape, lengths_shape):
        self.forwards.build(sequences_shape)
        self.backwards.build(sequences_shape)

    def call(self, sequences, lengths):
        sequences = ops.cast(sequences, self.compute_dtype)
        lengths = ops.cast(lengths, "int32")
        ahead = self.forwards(sequences)
        back = tf.reverse_sequence(self.backwards(tf.reverse_sequence(sequences, lengths, 1, 0)), lengths, 1, 0)
        return zero_padded_frames(ops.concatenate([ahead, back], axis=-1), lengths)

    def compute_output_shape(self, sequences_shape, lengths_shape):
        return (*sequences_shape[:-1], 2 * self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
