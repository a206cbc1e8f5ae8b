"""An LSTM cell whose gates see the cell's state."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class PeepholeLSTMCell(keras.layers.Layer):
    """One step of an LSTM with peepholes, for `keras.layers.RNN`.

        i = σ(x Wi + h Ui + pi c + bi)      f = σ(x Wf + h Uf + pf c + bf)
        c' = f c + i tanh(x Wc + h Uc + bc)
        o = σ(x Wo + h Uo + po c' + bo)     h' = o tanh(c')

    Args:
        units: width of the output and of the cell's state.

    Call arguments:
        inputs [n, features]; states: [h, c], each [n, units]; training.

    Output shape:
        h' [n, units], and the new states [h', c'].

    Source: Gers, Schraudolph and Schmidhuber, Journal of Machine Learning Research 3 (2002) 115-143; in this form Graves,
    Mohamed and Hinton, ICASSP 2013, equations 3 to 7.

    >>> layer = keras.layers.RNN(PeepholeLSTMCell(3), return_sequences=True)
    >>> layer(ops.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size, self.output_size = [units, units], units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4 * self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 4 * self.units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.peepholes = self.add_weight(shape=(3, self.units), initializer="zeros", name="peepholes")
        self.bias = self.add_weight(shape=(4 * self.units,), initializer=forget_nothing, name="bias")

    def call(self, inputs, states, training=False):
        h, c = (ops.cast(state, self.compute_dtype) for state in states)
        z = ops.matmul(ops.cast(inputs, self.compute_dtype), self.kernel) + ops.matmul(h, self.recurrent_kernel)
        i, f, candidate, o = ops.split(z + self.bias, 4, axis=-1)
        into, keep, out = (self.peepholes[k] for k in range(3))
        new = ops.sigmoid(f + keep * c) * c + ops.sigmoid(i + into * c) * ops.tanh(candidate)
        h = ops.sigmoid(o + out * new) * ops.tanh(new)
        return h, [h, new]

    def get_initial_state(self, batch_size=None):
        """Returns zeros."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def forget_nothing(shape, dtype=None):
    """Returns the bias of four gates, of which the second forgets: ones there, zeros elsewhere (Jozefowicz, Zaremba and Sutskever, ICML 2015)."""
    units = shape[0] // 4
    parts = [ops.zeros((units,), dtype), ops.ones((units,), dtype), ops.zeros((2 * units,), dtype)]
    return ops.concatenate(parts)
