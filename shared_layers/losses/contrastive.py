"""The contrastive loss of a siamese network."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class ContrastiveLoss(keras.losses.Loss):
    """Draws pairs of one kind together and pushes pairs of different kinds apart, up to a margin.

    Half the squared distance D of a pair of the same kind; of another pair half the square of what its distance lacks of the
    margin, max(0, margin - D).

    Args:
        margin: distance beyond which a pair of different kinds no longer costs anything.

    Input shape:
        1 for pairs of the same kind and 0 for others [batch], distances [batch].

    Output shape:
        one loss for every pair [batch], before reduction.

    Source: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006, equation 4
    (whose Y is 1 for pairs of different kinds).

    >>> import numpy as np
    >>> loss = ContrastiveLoss(margin=1.0, reduction=None)
    >>> loss(np.array([1, 0, 0]), np.array([0.5, 0.5, 2.0], "float32")).numpy().tolist()
    [0.125, 0.125, 0.0]
    """

    def __init__(self, margin: float = 1.0, name: str = "contrastive", **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        distances = ops.cast(y_pred, "float32")
        same = ops.reshape(ops.cast(y_true, "float32"), ops.shape(distances))
        lacking = ops.maximum(self.margin - distances, 0.0)
        return 0.5 * (same * ops.square(distances) + (1.0 - same) * ops.square(lacking))

    def get_config(self) -> dict:
        return {**super().get_config(), "margin": self.margin}
