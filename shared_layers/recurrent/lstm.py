"""Keras' LSTM with a loop that trains faster on the CPU."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.recurrent.hoisted_inputs import answer, projected, takes_fast_loop, unstacked


@keras.saving.register_keras_serializable(package="shared_layers")
class LSTM(keras.layers.LSTM):
    """Keras' LSTM: the same arguments, weights and answers, on the CPU by a faster loop.

    The inputs of all frames are projected by one matrix product before the loop, and the gradients of both kernels are one
    product each behind it, where Keras adds them up frame by frame. With a GPU, a mask, dropout, states that are kept, or other
    activations than tanh and sigmoid, Keras' own loop runs.

    Args:
        units, ...: those of keras.layers.LSTM.

    Input shape:
        [n, frames, features].

    Output shape:
        [n, frames, units] with return_sequences, else [n, units].

    Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997) 1735-1780; the product before the
    loop as in Appleyard, Kocisky and Blunsom, "Optimizing performance of recurrent neural networks on GPUs", 2016, section 3.1.

    >>> LSTM(3, return_sequences=True)(keras.ops.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not takes_fast_loop(self, mask, training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        self.supports_jit = False  # as Keras does; XLA refuses a loop of dynamic length
        inputs = projected(self, sequences, self.cell.bias)
        outputs, c = recurrence(inputs, tf.cast(self.cell.recurrent_kernel, inputs.dtype), *initial_state)
        return answer(self, outputs, c)

    def get_config(self):
        return {**super().get_config(), "use_cudnn": self.use_cudnn}  # Keras leaves it out


def halves(units: int, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns what the gates [..., 4 units] are multiplied by before and after one tanh serves all four, and what is added then.

    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2; the candidate, third of the gates, is a plain tanh.
    """
    half = tf.constant([0.5] * 2 * units + [1.0] * units + [0.5] * units, dtype)
    return half, 1.0 - half


def slopes(
    gates: tf.Tensor, cells: tf.Tensor, c: tf.Tensor
) -> tuple[tf.TensorArray, tf.TensorArray, tf.TensorArray, tf.Tensor]:
    """Returns what a step back through an LSTM's loop multiplies by, from all that the loop has kept.

    Args:
        gates: [frames, n, 4 units], after their activations.
        cells: [frames, n, units], after each frame.
        c: [n, units], before the first.

    Returns:
        one row a frame: of the gates before their activations, of the cell through the output, of the cell before; and the
        outputs before any projection [frames, n, units].
    """
    i, f, g, o = tf.split(gates, 4, axis=2)
    before = tf.concat([c[None], cells[:-1]], axis=0)
    bent = tf.tanh(cells)
    to_gates = tf.concat([g * i * (1 - i), before * f * (1 - f), i * (1 - g * g), bent * o * (1 - o)], axis=2)
    return unstacked(to_gates), unstacked(o * (1 - bent * bent)), unstacked(f), o * bent


@tf.custom_gradient
def recurrence(inputs: tf.Tensor, kernel: tf.Tensor, h: tf.Tensor, c: tf.Tensor):
    """Runs an LSTM over inputs that are projected already.

    Args:
        inputs: [frames, n, 4 units], of the input, forget, candidate and output gates side by side.
        kernel: [units, 4 units], from the last output to the gates.
        h, c: [n, units], output and cell before the first frame.

    Returns:
        the outputs [frames, n, units], and the cell after the last frame [n, units].
    """
    frames, units = tf.shape(inputs)[0], kernel.shape[0]
    half, rest = halves(units, inputs.dtype)
    rows = unstacked(inputs * half)
    halved = kernel * half

    def step(t, h, c, gates, cells, outputs):
        z = tf.tanh(rows.read(t) + tf.matmul(h, halved)) * half + rest
        i, f, g, o = tf.split(z, 4, axis=1)
        c = f * c + i * g
        h = o * tf.tanh(c)
        return t + 1, h, c, gates.write(t, z), cells.write(t, c), outputs.write(t, h)

    arrays = [tf.TensorArray(inputs.dtype, frames) for _ in range(3)]
    _, _, last, gates, cells, outputs = tf.while_loop(
        lambda t, *_: t < frames, step, (0, h, c, *arrays), maximum_iterations=frames
    )
    gates, cells, outputs = gates.stack(), cells.stack(), outputs.stack()

    def gradient(d_outputs, d_last):
        to_gates, to_cell, forgotten, _ = slopes(gates, cells, c)
        d_above, transposed = unstacked(d_outputs), tf.transpose(kernel)

        def step_back(t, d_h, d_c, d_gates):
            d_h = d_h + d_above.read(t)
            d_c = d_c + d_h * to_cell.read(t)
            d_z = tf.concat([d_c, d_c, d_c, d_h], axis=1) * to_gates.read(t)
            return t - 1, tf.matmul(d_z, transposed), d_c * forgotten.read(t), d_gates.write(t, d_z)

        array = tf.TensorArray(inputs.dtype, frames)
        _, d_h, d_c, d_gates = tf.while_loop(
            lambda t, *_: t >= 0,
            step_back,
            (frames - 1, tf.zeros_like(h), d_last, array),
            maximum_iterations=frames,
        )
        d_gates = d_gates.stack()
        outputs_before = tf.concat([h[None], outputs[:-1]], axis=0)
        flat = tf.reshape(outputs_before, [-1, units]), tf.reshape(d_gates, [-1, 4 * units])
        return d_gates, tf.matmul(*flat, transpose_a=True), d_h, d_c

    return (outputs, last), gradient
