"""Pictures of the scalp from values at electrodes."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from shared_layers.scalp.projection import azimuthal_equidistant, clough_tocher_matrix


@keras.saving.register_keras_serializable(package="shared_layers")
class ScalpImage(keras.layers.Layer):
    """Interpolates values at electrodes to pictures of the scalp: azimuthal equidistant projection, then Clough-Tocher.

    The nose is at the top, the left ear at the left; outside the electrodes' convex hull a picture is zero.

    Args:
        positions: [electrodes, 3], x to the right ear, y to the nose, z up, any unit.
        size: pixels a side.

    Input shape:
        [..., electrodes].

    Output shape:
        [..., size, size].

    Source: Bashivan, Rish, Yeasin and Codella, "Learning representations from EEG with deep recurrent-convolutional neural
    networks", 2016, section 3.1.

    >>> positions = [[-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]]
    >>> ScalpImage(positions, size=5)(ops.ones((2, 7, 5))).shape
    TensorShape([2, 7, 5, 5])
    """

    def __init__(self, positions: Sequence[Sequence[float]], size: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.positions = [[float(value) for value in position] for position in positions]
        self.size = size
        self._matrix = clough_tocher_matrix(azimuthal_equidistant(self.positions), size)

    def build(self, input_shape):
        if input_shape[-1] != len(self.positions):
            raise ValueError(
                f"{self.name}: expected values of {len(self.positions)} electrodes in the last axis, received {input_shape[-1]}"
            )

    def call(self, inputs):
        pictures = ops.matmul(inputs, ops.convert_to_tensor(self._matrix, inputs.dtype))
        return ops.reshape(pictures, (*ops.shape(inputs)[:-1], self.size, self.size))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.size, self.size)

    def get_config(self):
        return {**super().get_config(), "positions": self.positions, "size": self.size}
