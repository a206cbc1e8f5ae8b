"""The loss each model is trained by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from apps.digits.config import MLP, Config, ConvNet, Siamese
from shared_layers.losses.contrastive import ContrastiveLoss
from shared_layers.losses.smoothed_crossentropy import SmoothedSparseCategoricalCrossentropy


def loss(config: Config) -> Callable[[Any, Any], Any]:
    """Returns the loss of labels [batch] and logits [batch, classes]."""
    match config.model:
        case MLP(loss="mean_squared_error"):
            return squared_error
        case ConvNet(label_smoothing=smoothing) if smoothing:
            return SmoothedSparseCategoricalCrossentropy(smoothing)
        case _:
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def squared_error(labels: Any, logits: Any) -> Any:
    """Returns the mean over the classes of the squared differences of softmax(logits) and the one-hot labels, [batch]."""
    answers = ops.one_hot(ops.reshape(labels, (-1,)), logits.shape[-1], dtype=logits.dtype)
    return ops.mean(ops.square(ops.softmax(logits) - answers), axis=-1)


def of_pairs(config: Config) -> dict[str, Any]:
    """Returns the contrastive loss of a siamese network, and the accuracy of calling pairs closer than half the margin the same."""
    model = config.model
    assert isinstance(model, Siamese)

    def accuracy(same: Any, distances: Any) -> Any:
        return ops.equal(ops.cast(same, "bool"), distances < 0.5 * model.margin)

    metric = keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")
    return {"loss": ContrastiveLoss(model.margin), "metrics": [metric]}
