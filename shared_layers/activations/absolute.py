"""The absolute value as an activation."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class Absolute(keras.layers.Layer):
    """Absolute value rectification: |x|.

    Input shape: any.
    Output shape: the same.

    Source: Jarrett, Kavukcuoglu, Ranzato and LeCun, "What is the best multi-stage architecture for object recognition?", ICCV
    2009, section 2.

    Example:
        >>> import numpy as np
        >>> Absolute()(np.array([-2.0, 3.0])).numpy().tolist()
        [2.0, 3.0]
    """

    def call(self, inputs):
        return ops.abs(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape
