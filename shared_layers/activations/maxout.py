"""The maxout unit."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class Maxout(keras.layers.Layer):
    """Takes the largest of every `pieces` neighbouring values of the last axis.

    Put it behind a Dense layer (or a convolution) of units * pieces outputs: together they are the maxout layer of the paper.

    Args:
        pieces: linear pieces of a unit.

    Input shape: [batch, ..., units * pieces].
    Output shape: [batch, ..., units].

    Raises:
        ValueError: an input whose last axis is no multiple of `pieces`.

    Source: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013, section 3.

    Example:
        >>> import numpy as np
        >>> Maxout(pieces=2)(np.array([[1.0, 3.0, -5.0, -4.0]])).numpy().tolist()
        [[3.0, -4.0]]
    """

    def __init__(self, pieces: int = 2, **kwargs):
        super().__init__(**kwargs)
        if pieces < 1:
            raise ValueError(f"pieces must be at least 1, received {pieces}")
        self.pieces = pieces

    def build(self, input_shape):
        if input_shape[-1] % self.pieces:
            raise ValueError(
                f"Maxout of {self.pieces} pieces: the last axis has {input_shape[-1]} values, no multiple of {self.pieces}"
            )

    def call(self, inputs):
        units = inputs.shape[-1] // self.pieces
        return ops.max(ops.reshape(inputs, (*ops.shape(inputs)[:-1], units, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def get_config(self):
        return {**super().get_config(), "pieces": self.pieces}
