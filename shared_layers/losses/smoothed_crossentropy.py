"""Cross-entropy with label smoothing on class numbers."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class SmoothedSparseCategoricalCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits in which a share of the target goes evenly to all classes.

    Keras smooths one-hot targets only; over a vocabulary of words those are large.

    Args:
        label_smoothing: share of the target, 0 to 1, that is spread evenly over all classes.

    Input shape:
        classes int [...], logits [..., classes].

    Output shape:
        one loss for every class number, before reduction.

    Source: Szegedy et al. 2016, section 7.

    >>> import numpy as np
    >>> loss = SmoothedSparseCategoricalCrossentropy(0.1)
    >>> round(float(loss(np.array([0]), np.array([[0.0, 0.0]], "float32"))), 4)
    0.6931
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "smoothed_crossentropy", **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        log_probabilities = ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        chosen = ops.expand_dims(ops.cast(y_true, "int32"), -1)
        right = ops.squeeze(ops.take_along_axis(log_probabilities, chosen, axis=-1), -1)
        even = ops.mean(log_probabilities, axis=-1)
        return -(1.0 - self.label_smoothing) * right - self.label_smoothing * even

    def get_config(self) -> dict:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
