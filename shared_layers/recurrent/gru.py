"""Keras' GRU with a loop that trains faster on the CPU."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.recurrent.lstm import unstacked


@keras.saving.register_keras_serializable(package="shared_layers")
class GRU(keras.layers.GRU):
    """Keras' GRU: the same arguments, weights and answers, on the CPU by a faster loop.

    As in our LSTM: one product projects the inputs of all frames before the loop, and each kernel's gradient is one product
    behind it. With a GPU, a mask, dropout, reset_after=False, states that are kept, or other activations than tanh and sigmoid,
    Keras' own loop runs.

    Args:
        units, ...: those of keras.layers.GRU.

    Input shape:
        [n, frames, features].

    Output shape:
        [n, frames, units] with return_sequences, else [n, units].

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation", 2014;
    the reset gate after the product as in cuDNN.

    >>> GRU(3, return_sequences=True)(keras.ops.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if mask is not None or not self._takes_fast_loop(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        self.supports_jit = False  # as Keras does; XLA refuses a loop of dynamic length
        cell = self.cell
        frames = tf.transpose(sequences, [1, 0, 2])
        frames = tf.reverse(frames, [0]) if self.go_backwards else frames
        projected = tf.tensordot(frames, tf.cast(cell.kernel, frames.dtype), 1)
        bias = tf.zeros([3 * self.units], frames.dtype)
        if cell.bias is not None:
            projected += tf.cast(cell.bias[0], frames.dtype)
            bias = tf.cast(cell.bias[1], frames.dtype)
        outputs = recurrence(projected, tf.cast(cell.recurrent_kernel, frames.dtype), bias, initial_state[0])
        h = outputs[-1]
        return h, tf.transpose(outputs, [1, 0, 2]) if self.return_sequences else h[:, None], [h]

    def get_config(self):
        return {**super().get_config(), "use_cudnn": self.use_cudnn}  # Keras leaves it out

    def _takes_fast_loop(self, training: bool) -> bool:
        plain = self.cell.activation is keras.activations.tanh and self.reset_after
        plain &= self.cell.recurrent_activation is keras.activations.sigmoid
        dropped = training and (self.dropout or self.recurrent_dropout)
        return plain and not (dropped or self.unroll or self.stateful or tf.config.list_physical_devices("GPU"))


@tf.custom_gradient
def recurrence(projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, h: tf.Tensor):
    """Runs a GRU over inputs that are projected already.

    Args:
        projected: [frames, n, 3 units], of the update gate, the reset gate and the candidate side by side.
        kernel: [units, 3 units], from the last output to the same.
        bias: [3 units], added to what comes from the last output.
        h: [n, units], output before the first frame.

    Returns:
        the outputs [frames, n, units].
    """
    frames, units = tf.shape(projected)[0], kernel.shape[0]
    inputs = unstacked(projected)

    def step(t, h, gates, recalled, candidates, outputs):
        x, inner = inputs.read(t), tf.matmul(h, kernel) + bias
        z_and_r = tf.sigmoid(x[:, : 2 * units] + inner[:, : 2 * units])
        z, r = tf.split(z_and_r, 2, axis=1)
        memory = inner[:, 2 * units :]
        candidate = tf.tanh(x[:, 2 * units :] + r * memory)
        h = candidate + z * (h - candidate)
        arrays = gates.write(t, z_and_r), recalled.write(t, memory), candidates.write(t, candidate)
        return t + 1, h, *arrays, outputs.write(t, h)

    arrays = [tf.TensorArray(projected.dtype, frames) for _ in range(4)]
    stepped = tf.while_loop(lambda t, *_: t < frames, step, (0, h, *arrays), maximum_iterations=frames)
    gates, recalled, candidates, outputs = (array.stack() for array in stepped[2:])

    def gradient(d_outputs):
        z, r = tf.split(gates, 2, axis=2)
        before = tf.concat([h[None], outputs[:-1]], axis=0)
        to_candidate = (1 - z) * (1 - candidates * candidates)
        to_update = (before - candidates) * z * (1 - z)
        to_reset = to_candidate * recalled * r * (1 - r)
        to_inner = tf.concat([to_update, to_reset, to_candidate * r], axis=2)
        inward, kept = unstacked(to_inner), unstacked(z)
        d_above, transposed = unstacked(d_outputs), tf.transpose(kernel)

        def step_back(t, d_h, d_all):
            d_h = d_h + d_above.read(t)
            d_inner = tf.tile(d_h, [1, 3]) * inward.read(t)
            return t - 1, d_h * kept.read(t) + tf.matmul(d_inner, transposed), d_all.write(t, d_h)

        array = tf.TensorArray(projected.dtype, frames)
        _, d_h, d_all = tf.while_loop(
            lambda t, *_: t >= 0, step_back, (frames - 1, tf.zeros_like(h), array), maximum_iterations=frames
        )
        d_all = tf.tile(d_all.stack(), [1, 1, 3])
        d_inner = tf.reshape(d_all * to_inner, [-1, 3 * units])
        d_kernel = tf.matmul(tf.reshape(before, [-1, units]), d_inner, transpose_a=True)
        d_projected = d_all * tf.concat([to_update, to_reset, to_candidate], axis=2)
        return d_projected, d_kernel, tf.reduce_sum(d_inner, 0), d_h

    return outputs, gradient
