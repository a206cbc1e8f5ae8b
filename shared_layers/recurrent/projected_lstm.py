"""A layer of LSTM with recurrent projections whose loop trains faster."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.recurrent.hoisted_inputs import answer, projected, unstacked
from shared_layers.recurrent.lstm import halves, slopes
from shared_layers.recurrent.projected_lstm_cell import ProjectedLSTMCell


@keras.saving.register_keras_serializable(package="shared_layers")
class ProjectedLSTM(keras.layers.RNN):
    """`keras.layers.RNN(ProjectedLSTMCell(units, projection))`: the same weights and answers by a faster loop.

    As in our LSTM, the inputs of all frames are projected by one product before the loop, and each kernel's gradient is one
    product behind it; on a GPU, which cuDNN does not serve here, far fewer kernels are launched a frame. A mask takes Keras' loop.

    Args:
        units: width of the cell's state.
        projection: width of the output, which recurs.
        return_sequences, ...: those of keras.layers.RNN.

    Input shape:
        [n, frames, features].

    Output shape:
        [n, frames, projection] with return_sequences, else [n, projection].

    Source: Sak, Senior and Beaufays, Interspeech 2014; the products outside the loop as in Appleyard, Kocisky and Blunsom 2016.

    >>> ProjectedLSTM(8, 3, return_sequences=True)(keras.ops.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def __init__(self, units: int, projection: int, dtype=None, **kwargs):
        super().__init__(ProjectedLSTMCell(units, projection, dtype=dtype, name="cell"), dtype=dtype, **kwargs)
        self.units, self.projection = units, projection

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if mask is not None or self.unroll or self.stateful:
            return super().inner_loop(sequences, initial_state, mask, training=training)
        self.supports_jit = False  # XLA refuses a loop of dynamic length
        inputs = projected(self, tf.cast(sequences, self.compute_dtype), self.cell.bias)
        kernels = (
            tf.cast(kernel, inputs.dtype) for kernel in (self.cell.recurrent_kernel, self.cell.projection_kernel)
        )
        outputs, c = recurrence(inputs, *kernels, *(tf.cast(state, inputs.dtype) for state in initial_state))
        return answer(self, outputs, c)

    def get_config(self):
        config = super().get_config()
        config.pop("cell")
        return {**config, "units": self.units, "projection": self.projection}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@tf.custom_gradient
def recurrence(inputs: tf.Tensor, kernel: tf.Tensor, projection: tf.Tensor, r: tf.Tensor, c: tf.Tensor):
    """Runs a projected LSTM over inputs that are projected already.

    Args:
        inputs: [frames, n, 4 units], of the input, forget, candidate and output gates side by side.
        kernel: [outputs, 4 units], from the last output to the gates.
        projection: [units, outputs].
        r, c: [n, outputs] and [n, units], output and cell before the first frame.

    Returns:
        the outputs [frames, n, outputs], and the cell after the last frame [n, units].
    """
    frames, units = tf.shape(inputs)[0], projection.shape[0]
    half, rest = halves(units, inputs.dtype)
    rows = unstacked(inputs * half)
    halved = kernel * half

    def step(t, r, c, gates, cells, outputs):
        z = tf.tanh(rows.read(t) + tf.matmul(r, halved)) * half + rest
        i, f, g, o = tf.split(z, 4, axis=1)
        c = f * c + i * g
        r = tf.matmul(o * tf.tanh(c), projection)
        return t + 1, r, c, gates.write(t, z), cells.write(t, c), outputs.write(t, r)

    arrays = [tf.TensorArray(inputs.dtype, frames) for _ in range(3)]
    stepped = tf.while_loop(lambda t, *_: t < frames, step, (0, r, c, *arrays), maximum_iterations=frames)
    last, (gates, cells, outputs) = stepped[2], (array.stack() for array in stepped[3:])

    def gradient(d_outputs, d_last):
        to_gates, to_cell, forgotten, hidden = slopes(gates, cells, c)
        d_above, to_outputs, to_hidden = unstacked(d_outputs), tf.transpose(kernel), tf.transpose(projection)

        def step_back(t, d_r, d_c, d_gates, d_projected):
            d_r = d_r + d_above.read(t)
            d_h = tf.matmul(d_r, to_hidden)
            d_c = d_c + d_h * to_cell.read(t)
            d_z = tf.concat([d_c, d_c, d_c, d_h], axis=1) * to_gates.read(t)
            written = d_gates.write(t, d_z), d_projected.write(t, d_r)
            return t - 1, tf.matmul(d_z, to_outputs), d_c * forgotten.read(t), *written

        arrays = [tf.TensorArray(inputs.dtype, frames) for _ in range(2)]
        start = (frames - 1, tf.zeros_like(r), d_last, *arrays)
        back = tf.while_loop(lambda t, *_: t >= 0, step_back, start, maximum_iterations=frames)
        d_r, d_c, (d_gates, d_projected) = back[1], back[2], (array.stack() for array in back[3:])
        d_kernel = _product(tf.concat([r[None], outputs[:-1]], axis=0), d_gates)
        return d_gates, d_kernel, _product(hidden, d_projected), d_r, d_c

    return (outputs, last), gradient


def _product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Returns the sum over frames and rows of left [frames, n, a] and right [frames, n, b], [a, b]."""
    return tf.tensordot(left, right, [[0, 1], [0, 1]])
