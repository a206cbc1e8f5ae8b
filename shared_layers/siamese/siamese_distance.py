"""The head of a siamese network."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class SiameseDistance(keras.layers.Layer):
    """The Euclidean distance between two embeddings, which one network made of two examples.

    Computes in float32 whatever the policy, because the squares of small differences vanish in half precision.

    Args:
        epsilon: added to the squared distance, so that the gradient at distance zero is finite.

    Input shape:
        two embeddings [batch, dimensions].

    Output shape:
        [batch], float32.

    Source: Bromley, Guyon, LeCun, Säckinger and Shah, "Signature verification using a siamese time delay neural network",
    NIPS 1993; with this distance Hadsell, Chopra and LeCun, CVPR 2006, equation 1.

    >>> import numpy as np
    >>> distance = SiameseDistance()(np.array([[0.0, 3.0]], "float32"), np.array([[4.0, 0.0]], "float32"))
    >>> [round(float(value), 4) for value in distance]
    [5.0]
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, first, second):
        difference = ops.cast(first, "float32") - ops.cast(second, "float32")
        return ops.sqrt(ops.sum(ops.square(difference), axis=-1) + self.epsilon)

    def compute_output_spec(self, first, second):
        return keras.KerasTensor(first.shape[:-1], dtype="float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "epsilon": self.epsilon}
