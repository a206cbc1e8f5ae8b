"""Normalisation of each value by its neighbours in other channels."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides by (bias + alpha * sum of the squares of `size` neighbouring channels) ** beta.

    Args:
        size: channels in the sum, odd, the value's own in the middle.
        bias: keeps small responses as they are.
        alpha: weight of the squares.
        beta: exponent.

    Input shape:
        [..., channels].

    Output shape:
        The same.

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 3.3.

    >>> layer = LocalResponseNormalization(size=3, bias=1.0, alpha=1.0, beta=1.0)
    >>> layer(keras.ops.array([[1.0, 1.0, 1.0]])).numpy().round(3).tolist()
    [[0.3330000042915344, 0.25, 0.3330000042915344]]
    """

    def __init__(self, size: int = 5, bias: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs):
        super().__init__(**kwargs)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size must be odd, received {size}")
        self.size, self.bias, self.alpha, self.beta = size, bias, alpha, beta

    def call(self, inputs):
        places = np.arange(inputs.shape[-1])
        near = np.abs(places[:, None] - places) <= self.size // 2
        # one product with a band of ones costs less than the sum of shifted copies and their gradients
        total = ops.matmul(ops.square(inputs), ops.convert_to_tensor(near, inputs.dtype))
        return inputs / (self.bias + self.alpha * total) ** self.beta

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
