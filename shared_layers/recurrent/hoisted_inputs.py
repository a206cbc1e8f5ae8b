"""What our LSTM and GRU share: one product projects the inputs of all frames before the loop."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def takes_fast_loop(layer: Any, mask: Any, training: bool) -> bool:
    """Whether a Keras LSTM or GRU is set so that our loop gives its answers: tanh and sigmoid, no mask, dropout or kept states.

    With a GPU visible the answer is no: Keras then takes cuDNN.
    """
    plain = layer.cell.activation is keras.activations.tanh
    plain &= layer.cell.recurrent_activation is keras.activations.sigmoid
    dropped = training and (layer.dropout or layer.recurrent_dropout)
    others = mask is not None or dropped or layer.unroll or layer.stateful or tf.config.list_physical_devices("GPU")
    return plain and not others


def projected(layer: Any, sequences: tf.Tensor, bias: Any) -> tf.Tensor:
    """Returns the inputs [n, frames, features] times the layer's kernel, plus `bias` where there is one, [frames, n, gates].

    The last frame comes first where the layer goes backwards.
    """
    frames = tf.transpose(sequences, [1, 0, 2])
    frames = tf.reverse(frames, [0]) if layer.go_backwards else frames
    values = tf.tensordot(frames, tf.cast(layer.cell.kernel, frames.dtype), 1)
    return values if bias is None else values + tf.cast(bias, frames.dtype)


def answer(layer: Any, outputs: tf.Tensor, *further: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Returns what Keras wants of a loop: last output, outputs [n, frames, units], states; `outputs` are [frames, n, units]."""
    last = outputs[-1]
    sequences = tf.transpose(outputs, [1, 0, 2]) if layer.return_sequences else last[:, None]
    return last, sequences, [last, *further]


def unstacked(values: tf.Tensor) -> tf.TensorArray:
    """Returns an array of the rows of `values`, to be read one a frame."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], element_shape=values.shape[1:]).unstack(values)
