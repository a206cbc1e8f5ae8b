"""The logarithm of powers."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class Logarithm(keras.layers.Layer):
    """Natural logarithm of values that are not negative, with a floor; in float32 under every policy.

    Args:
        floor: added first, so that silence stays finite.

    Input shape:
        any.

    Output shape:
        the same, float32.

    Source: Gasser, Bächer and Möcks, "Transformations towards the normal distribution of broad band spectral parameters of the
    EEG", 1982.

    >>> Logarithm(floor=1.0)(ops.array([0.0])).numpy().tolist()
    [0.0]
    """

    def __init__(self, floor: float, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.floor = floor

    def call(self, inputs):
        return ops.log(ops.cast(inputs, "float32") + self.floor)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "floor": self.floor}
