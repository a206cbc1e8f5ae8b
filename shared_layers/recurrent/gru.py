"""Keras' GRU with a loop that trains faster on the CPU."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.recurrent.hoisted_inputs import answer, projected, takes_fast_loop, unstacked


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
        if not (self.reset_after and takes_fast_loop(self, mask, training)):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        self.supports_jit = False  # as Keras does; XLA refuses a loop of dynamic length
        before, inside = (None, tf.zeros([3 * self.units])) if self.cell.bias is None else tf.unstack(self.cell.bias)
        inputs = projected(self, sequences, before)
        kernel, inside = (tf.cast(values, inputs.dtype) for values in (self.cell.recurrent_kernel, inside))
        return answer(self, recurrence(inputs, kernel, inside, *initial_state))

    def get_config(self):
        return {**super().get_config(), "use_cudnn": self.use_cudnn}  # Keras leaves it out


@tf.custom_gradient
def recurrence(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, h: tf.Tensor):
    """Runs a GRU over inputs that are projected already.

    Args:
        inputs: [frames, n, 3 units], of the update gate, the reset gate and the candidate side by side.
        kernel: [units, 3 units], from the last output to the same.
        bias: [3 units], added to what comes from the last output.
        h: [n, units], output before the first frame.

    Returns:
        the outputs [frames, n, units].
    """
    frames, units = tf.shape(inputs)[0], kernel.shape[0]
    rows = unstacked(inputs)

    def step(t, h, gates, recalled, candidates, outputs):
        x, inner = rows.read(t), tf.matmul(h, kernel) + bias
        z_and_r = tf.sigmoid(x[:, : 2 * units] + inner[:, : 2 * units])
        z, r = tf.split(z_and_r, 2, axis=1)
        memory = inner[:, 2 * units :]
        candidate = tf.tanh(x[:, 2 * units :] + r * memory)
        h = candidate + z * (h - candidate)
        arrays = gates.write(t, z_and_r), recalled.write(t, memory), candidates.write(t, candidate)
        return t + 1, h, *arrays, outputs.write(t, h)

    arrays = [tf.TensorArray(inputs.dtype, frames) for _ in range(4)]
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

        array = tf.TensorArray(inputs.dtype, frames)
        _, d_h, d_all = tf.while_loop(
            lambda t, *_: t >= 0, step_back, (frames - 1, tf.zeros_like(h), array), maximum_iterations=frames
        )
        d_all = tf.tile(d_all.stack(), [1, 1, 3])
        d_inner = tf.reshape(d_all * to_inner, [-1, 3 * units])
        d_kernel = tf.matmul(tf.reshape(before, [-1, units]), d_inner, transpose_a=True)
        d_inputs = d_all * tf.concat([to_update, to_reset, to_candidate], axis=2)
        return d_inputs, d_kernel, tf.reduce_sum(d_inner, 0), d_h

    return outputs, gradient
