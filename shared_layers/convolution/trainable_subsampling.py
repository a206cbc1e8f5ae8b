"""LeNet's sub-sampling."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="shared_layers")
class TrainableSubsampling(keras.layers.Layer):
    """Averages each patch, then scales and shifts it by one trained coefficient and bias a channel.

    Args:
        pool_size: side of the patches in pixels, which do not overlap.

    Input shape: [batch, height, width, channels].
    Output shape: [batch, height // pool_size, width // pool_size, channels].

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section II.B,
    layers S2 and S4 (there the four inputs are added; the average differs by the constant 4 in the coefficient).

    Example:
        >>> import numpy as np
        >>> layer = TrainableSubsampling(pool_size=2)
        >>> float(layer(np.array([[[[1.0], [2.0]], [[3.0], [6.0]]]]))[0, 0, 0, 0])
        3.0
    """

    def __init__(self, pool_size: int = 2, **arguments):
        super().__init__(**arguments)
        self.pool_size = pool_size

    def build(self, input_shape):
        """Makes one coefficient (one) and one bias (zero) a channel."""
        self.coefficient = self.add_weight(name="coefficient", shape=(input_shape[-1],), initializer="ones")
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        """Returns the scaled and shifted averages."""
        means = keras.ops.average_pool(inputs, self.pool_size, strides=self.pool_size, data_format="channels_last")
        return means * self.coefficient + self.bias

    def compute_output_shape(self, input_shape):
        """Returns the shape after pooling."""
        batch, height, width, channels = input_shape
        smaller = [None if side is None else side // self.pool_size for side in (height, width)]
        return (batch, *smaller, channels)

    def get_config(self):
        """Returns the arguments."""
        return {**super().get_config(), "pool_size": self.pool_size}
