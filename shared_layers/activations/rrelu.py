"""The randomised leaky ReLU (RReLU)."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class RReLU(keras.layers.Layer):
    """Leaky ReLU whose slope for negative values is drawn anew for every value in training, and is the mean otherwise.

    Args:
        lowest: smallest slope.
        highest: largest slope; slopes are drawn uniformly from between.
        seed: of the slopes.

    Input shape: any.
    Output shape: the same.

    Source: Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional network", 2015, section 2.4
    (there negative values are divided by a number drawn from 3 to 8).

    Example:
        >>> import numpy as np
        >>> layer = RReLU(0.1, 0.5)
        >>> round(float(layer(np.array(-10.0))), 5), float(layer(np.array(2.0)))
        (-3.0, 2.0)
        >>> -5.0 <= float(layer(np.array(-10.0), training=True)) <= -1.0
        True
    """

    def __init__(self, lowest: float = 0.1, highest: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if lowest > highest:
            raise ValueError(f"lowest must not be above highest, received {lowest} and {highest}")
        self.lowest, self.highest, self.seed = lowest, highest, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return ops.leaky_relu(inputs, 0.5 * (self.lowest + self.highest))
        slopes = keras.random.uniform(
            ops.shape(inputs), self.lowest, self.highest, dtype=inputs.dtype, seed=self.seed_generator
        )
        return ops.where(inputs < 0, slopes * inputs, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "lowest": self.lowest, "highest": self.highest, "seed": self.seed}
