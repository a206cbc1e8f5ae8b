"""Additive attention over a memory of cells or frames."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class BahdanauAttention(keras.layers.Layer):
    """Additive attention: energy = v . tanh(W memory + U query), weights = softmax over the memory.

    `keys` is W memory + bias; it does not change while a sequence is generated, so compute it once with `keys()`
    and hand it to every call.

    Args:
        units: width of the hidden layer in which query and memory meet.

    Call arguments:
        query: [batch, query width].
        keys: [batch, positions, units], from `keys(memory)`.
        values: [batch, positions, value width], what is averaged.
        mask: bool [batch, positions], False where the memory is padding; optional.

    Output shape:
        context [batch, value width] and weights [batch, positions], which sum to 1.

    Source: Bahdanau, Cho and Bengio 2015, equations 5 and 6 and appendix A.1.2.

    >>> import numpy as np
    >>> attention = BahdanauAttention(8)
    >>> memory = np.ones((2, 5, 3), "float32")
    >>> context, weights = attention(np.ones((2, 4), "float32"), attention.keys(memory), memory)
    >>> context.shape, weights.shape, [round(float(w), 3) for w in weights[0]]
    (TensorShape([2, 3]), TensorShape([2, 5]), [0.2, 0.2, 0.2, 0.2, 0.2])
    """

    def __init__(self, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = False
        self.memory_projection = keras.layers.Dense(units, name="memory_projection", dtype=self.dtype_policy)
        self.query_projection = keras.layers.Dense(
            units, use_bias=False, name="query_projection", dtype=self.dtype_policy
        )
        self.energy = keras.layers.Dense(1, use_bias=False, name="energy", dtype=self.dtype_policy)

    def build(self, query_shape, keys_shape=None, values_shape=None, mask_shape=None) -> None:
        self.query_projection.build(query_shape)
        self.energy.build((*query_shape[:-1], None, self.units))

    def keys(self, memory):
        """Returns the projected memory [batch, positions, units] of a memory [batch, positions, channels]."""
        return self.memory_projection(memory)

    def call(self, query, keys, values, mask=None):
        hidden = ops.tanh(keys + ops.expand_dims(self.query_projection(query), 1))
        energies = ops.cast(ops.squeeze(self.energy(hidden), -1), "float32")
        if mask is not None:
            energies = ops.where(mask, energies, -1e9)
        weights = ops.cast(ops.softmax(energies, axis=-1), values.dtype)
        return ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), values), 1), weights

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}
