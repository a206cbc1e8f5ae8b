"""A first convolution that whitens small patches of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np


def patch_covariance(pictures: np.ndarray, kernel_size: int = 2) -> np.ndarray:
    """Returns the second moments of all patches of pictures, about zero: of normalised pictures about the covariance.

    Args:
        pictures: float [n, height, width, channels].
        kernel_size: side of a patch in pixels.

    Returns:
        float64 [d, d], d = kernel_size * kernel_size * channels, in the order row, column, channel.
    """
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (kernel_size, kernel_size), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel_size * kernel_size * pictures.shape[-1])
    return (patches.T @ patches).astype(np.float64) / len(patches)


@keras.saving.register_keras_serializable(package="shared_layers")
class WhiteningConvolution(keras.layers.Layer):
    """Convolves with the scaled eigenvectors of the patches' covariance, and with their negatives; only the bias learns.

    The outputs of a picture like those the covariance was taken from are uncorrelated and, where an eigenvalue is well above
    `epsilon`, of variance one. No padding: the last rows and columns start no patch.

    Args:
        covariance: [d, d] as of `patch_covariance`.
        kernel_size: side of a patch in pixels.
        epsilon: added to the eigenvalues, so that noise is not blown up.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, height - kernel_size + 1, width - kernel_size + 1, 2 d], d = kernel_size * kernel_size * channels.

    Raises:
        ValueError: a covariance that does not belong to such patches.

    Source: Page, "How to train your ResNet 8: bag of tricks", 2019; both signs and the learnt bias from tysam-code,
    hlb-CIFAR10, 2023, and Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.1.

    >>> WhiteningConvolution(np.eye(12))(keras.ops.ones((1, 32, 32, 3))).shape
    TensorShape([1, 31, 31, 24])
    """

    def __init__(self, covariance: Sequence[Sequence[float]], kernel_size: int = 2, epsilon: float = 5e-4, **kwargs):
        super().__init__(**kwargs)
        self.covariance = np.asarray(covariance, np.float64)
        self.kernel_size, self.epsilon = kernel_size, epsilon

    def build(self, input_shape):
        values = self.kernel_size * self.kernel_size * input_shape[-1]
        if self.covariance.shape != (values, values):
            raise ValueError(
                f"{self.name}: patches of {self.kernel_size} x {self.kernel_size} pixels and {input_shape[-1]} channels have a "
                f"covariance of [{values}, {values}], received {list(self.covariance.shape)}"
            )
        eigenvalues, eigenvectors = np.linalg.eigh(self.covariance)
        whitening = (eigenvectors / np.sqrt(eigenvalues + self.epsilon)).reshape(
            self.kernel_size, self.kernel_size, input_shape[-1], values
        )
        kernel = np.concatenate([whitening, -whitening], axis=-1)
        self.kernel = self.add_weight(
            kernel.shape, initializer=lambda shape, dtype: keras.ops.cast(kernel, dtype), trainable=False, name="kernel"
        )
        self.bias = self.add_weight((2 * values,), initializer="zeros", name="whitening_bias")

    def call(self, inputs):
        return keras.ops.conv(inputs, self.kernel, data_format="channels_last") + self.bias

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side - self.kernel_size + 1 for side in sides]
        return (batch, *sides, 2 * self.kernel_size * self.kernel_size * channels)

    def get_config(self):
        own = {"covariance": self.covariance.tolist(), "kernel_size": self.kernel_size, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
