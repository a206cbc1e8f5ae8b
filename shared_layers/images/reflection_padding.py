"""Padding to the size a strided network can halve, and back to the picture's own size."""

from __future__ import annotations

import keras
from keras import ops


def reflected(size, end, before=0):
    """Returns the rows (or columns) of a picture that stand at the places -before ... end - 1 when it goes on by reflection.

    The edge itself is not repeated, as in NumPy's `reflect`; short pictures are reflected again and again.

    Args:
        size: number of rows, at least 1; a Python integer or a scalar tensor, like `end`.

    Example:
        >>> import numpy as np
        >>> np.array(reflected(3, 6, 2))
        array([2, 1, 0, 1, 2, 1, 0, 1], dtype=int32)
    """
    period = ops.maximum(2 * (size - 1), 1)
    place = ops.mod(ops.arange(-before, end), period)
    return ops.minimum(place, period - place)


@keras.saving.register_keras_serializable(package="shared_layers")
class PadToMultiple(keras.layers.Layer):
    """Pads pictures at the bottom and on the right by reflection, until both sides are multiples of a number.

    Args:
        multiple: what height and width become multiples of.

    Input shape: [batch, height, width, channels]; height and width may be unknown.
    Output shape: [batch, height rounded up, width rounded up, channels].

    Example:
        >>> import numpy as np
        >>> picture = np.array([[1.0, 2.0, 3.0]]).reshape(1, 1, 3, 1)
        >>> np.array(PadToMultiple(4)(picture))[0, :, :, 0]
        array([[1., 2., 3., 2.],
               [1., 2., 3., 2.],
               [1., 2., 3., 2.],
               [1., 2., 3., 2.]], dtype=float32)
    """

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        if multiple < 1:
            raise ValueError(f"multiple must be at least 1, received {multiple}")
        self.multiple = multiple

    def call(self, pictures):
        height, width = ops.shape(pictures)[1:3]
        if isinstance(height, int) and isinstance(width, int) and height % self.multiple == width % self.multiple == 0:
            return pictures
        pictures = ops.take(pictures, reflected(height, -(-height // self.multiple) * self.multiple), axis=1)
        return ops.take(pictures, reflected(width, -(-width // self.multiple) * self.multiple), axis=2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (
            None if size is None else -(-size // self.multiple) * self.multiple for size in (height, width)
        )
        return batch, height, width, channels

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(package="shared_layers")
class CropLike(keras.layers.Layer):
    """Cuts pictures at the bottom and on the right to the height and width of others: undoes `PadToMultiple`.

    Input shape: a list of [batch, height, width, channels] and [batch, smaller height, smaller width, any].
    Output shape: [batch, smaller height, smaller width, channels].

    Example:
        >>> import numpy as np
        >>> CropLike()([np.zeros((1, 8, 8, 3)), np.zeros((1, 5, 7, 1))]).shape
        TensorShape([1, 5, 7, 3])
    """

    def call(self, inputs):
        pictures, reference = inputs
        height, width = ops.shape(reference)[1:3]
        return pictures[:, :height, :width]

    def compute_output_shape(self, input_shapes):
        pictures, reference = input_shapes
        return pictures[0], reference[1], reference[2], pictures[3]
