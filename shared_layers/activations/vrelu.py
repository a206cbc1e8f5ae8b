"""The very leaky ReLU (VReLU)."""

from __future__ import annotations

import keras
from keras import ops

LOWEST, HIGHEST = 0.1, 0.5


@keras.saving.register_keras_serializable(package="shared_layers")
class VReLU(keras.layers.Layer):
    """Leaky ReLU with a large fixed slope for negative values: max(x, slope * x).

    Args:
        slope: from 0.1 to 0.5.

    Input shape: any.
    Output shape: the same.

    Source: Graham, "Spatially-sparse convolutional neural networks", 2014, section 4 (slope 1/3).

    Example:
        >>> import numpy as np
        >>> VReLU(0.25)(np.array([-2.0, 3.0])).numpy().tolist()
        [-0.5, 3.0]
    """

    def __init__(self, slope: float = 1.0 / 3.0, **kwargs):
        super().__init__(**kwargs)
        if not LOWEST <= slope <= HIGHEST:
            raise ValueError(f"slope must be from {LOWEST} to {HIGHEST}, received {slope}")
        self.slope = slope

    def call(self, inputs):
        return ops.leaky_relu(inputs, self.slope)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "slope": self.slope}
