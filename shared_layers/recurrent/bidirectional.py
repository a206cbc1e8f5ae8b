"""Any recurrent layer in both directions over sequences of explicit lengths."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class BidirectionalRecurrent(keras.layers.Layer):
    """Runs one recurrent layer forwards and another backwards from each sequence's own last frame, and joins their outputs.

    Both layers see the real frames first and the padding after them, so no mask is needed and padding changes no real frame.

    Args:
        forwards, backwards: layers that return sequences, with the same dtype policy as this one.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, width of forwards + width of backwards], zeros in padded frames.

    Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45 (1997)
    2673-2681.

    >>> layer = BidirectionalRecurrent(*(keras.layers.GRU(3, return_sequences=True) for _ in range(2)))
    >>> layer(ops.ones((2, 5, 4)), ops.array([5, 2])).shape
    TensorShape([2, 5, 6])
    """

    def __init__(self, forwards: keras.layers.Layer, backwards: keras.layers.Layer, **kwargs):
        super().__init__(**kwargs)
        self.forwards, self.backwards = forwards, backwards
        self.supports_jit = False

    def build(self, sequences_shape, lengths_shape):
        for layer in (self.forwards, self.backwards):
            if not layer.built:
                layer.build(sequences_shape)

    def call(self, sequences, lengths, training=None):
        sequences = ops.cast(sequences, self.compute_dtype)
        lengths = ops.cast(lengths, "int32")
        ahead = self.forwards(sequences, training=training)
        back = self.backwards(tf.reverse_sequence(sequences, lengths, 1, 0), training=training)
        back = tf.reverse_sequence(back, lengths, 1, 0)
        return zero_padded_frames(ops.concatenate([ahead, back], axis=-1), lengths)

    def compute_output_shape(self, sequences_shape, lengths_shape):
        widths = [layer.compute_output_shape(sequences_shape)[-1] for layer in (self.forwards, self.backwards)]
        return (*sequences_shape[:-1], sum(widths))

    def get_config(self):
        layers = {"forwards": self.forwards, "backwards": self.backwards}
        return {**super().get_config(), **{k: keras.saving.serialize_keras_object(v) for k, v in layers.items()}}

    @classmethod
    def from_config(cls, config):
        layers = {k: keras.saving.deserialize_keras_object(config[k]) for k in ("forwards", "backwards")}
        return cls(**{**config, **layers})
