"""The adaptive piecewise linear unit (APL)."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class APL(keras.layers.Layer):
    """A ReLU whose left side is a sum of trained hinges: max(0, x) + sum over s of a_s max(0, b_s - x).

    Every value of the last axis (a unit, or a channel at all its places) has slopes a and hinge places b of its own.

    Args:
        hinges: number of hinges s of a unit.

    Input shape: [batch, ..., units].
    Output shape: the same.

    Source: Agostinelli, Hoffman, Sadowski and Baldi, "Learning activation functions to improve deep neural networks", 2015,
    equation 1 (which, unlike here, also penalises large slopes: add a regulariser to the model for that).

    Example:
        >>> import numpy as np
        >>> layer = APL(hinges=1)
        >>> layer.build((None, 1))
        >>> layer.set_weights([np.array([[0.5]]), np.array([[1.0]])])
        >>> layer(np.array([[-1.0], [3.0]])).numpy().tolist()
        [[1.0], [3.0]]
    """

    def __init__(self, hinges: int = 2, **kwargs):
        super().__init__(**kwargs)
        if hinges < 1:
            raise ValueError(f"hinges must be at least 1, received {hinges}")
        self.hinges = hinges

    def build(self, input_shape):
        """Makes `hinges` slopes and places a unit, small and random, so that the hinges of a unit differ."""
        shape, uniform = (self.hinges, input_shape[-1]), keras.initializers.RandomUniform
        self.slopes = self.add_weight(name="slopes", shape=shape, initializer=uniform(-0.2, 0.2))
        self.places = self.add_weight(name="places", shape=shape, initializer=uniform(-0.5, 0.5))

    def call(self, inputs):
        result = ops.relu(inputs)
        for hinge in range(self.hinges):
            result = result + self.slopes[hinge] * ops.relu(self.places[hinge] - inputs)
        return result

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hinges": self.hinges}
