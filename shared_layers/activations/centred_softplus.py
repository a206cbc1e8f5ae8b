"""The softplus through the origin."""

from __future__ import annotations

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class CentredSoftplus(keras.layers.Layer):
    """Softplus lowered until it goes through the origin: ln(e^x + 1) - ln 2.

    Input shape: any.
    Output shape: the same.

    Source: the softplus of Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000, equation 4, less its value at zero.

    Example:
        >>> import numpy as np
        >>> float(CentredSoftplus()(np.array(0.0)))
        0.0
    """

    def call(self, inputs):
        return ops.softplus(inputs) - math.log(2.0)

    def compute_output_shape(self, input_shape):
        return input_shape
