"""An LSTM cell whose output is projected to fewer values before it recurs."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.recurrent.peephole_lstm_cell import forget_nothing


@keras.saving.register_keras_serializable(package="shared_layers")
class ProjectedLSTMCell(keras.layers.Layer):
    """One step of an LSTM with a recurrent projection, for `keras.layers.RNN`.

        i, f, o = σ(x W + r U + b)          c' = f c + i tanh(x Wc + r Uc + bc)
        r' = (o tanh(c')) P

    The recurrence costs projection x 4 units instead of units x 4 units, so that the state can be wide.

    Args:
        units: width of the cell's state.
        projection: width of the output, which recurs.

    Call arguments:
        inputs [n, features]; states: [r, c], [n, projection] and [n, units]; training.

    Output shape:
        r' [n, projection], and the new states [r', c'].

    Source: Sak, Senior and Beaufays, "Long short-term memory recurrent neural network architectures for large scale acoustic
    modeling", Interspeech 2014, without its peepholes.

    >>> layer = keras.layers.RNN(ProjectedLSTMCell(8, projection=3), return_sequences=True)
    >>> layer(ops.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def __init__(self, units: int, projection: int, **kwargs):
        super().__init__(**kwargs)
        self.units, self.projection = units, projection
        self.state_size, self.output_size = [projection, units], projection

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4 * self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.projection, 4 * self.units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(4 * self.units,), initializer=forget_nothing, name="bias")
        self.projection_kernel = self.add_weight(shape=(self.units, self.projection), name="projection_kernel")

    def call(self, inputs, states, training=False):
        r, c = (ops.cast(state, self.compute_dtype) for state in states)
        z = ops.matmul(ops.cast(inputs, self.compute_dtype), self.kernel) + ops.matmul(r, self.recurrent_kernel)
        i, f, candidate, o = ops.split(z + self.bias, 4, axis=-1)
        new = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(candidate)
        r = ops.matmul(ops.sigmoid(o) * ops.tanh(new), self.projection_kernel)
        return r, [r, new]

    def get_initial_state(self, batch_size=None):
        """Returns zeros."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "projection": self.projection}
