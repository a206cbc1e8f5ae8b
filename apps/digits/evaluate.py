"""Predictions of the digits app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.digits.config import Config
from apps.digits.data import batches
from harness import classification
from harness.app import Metric, Predictions
from harness.labelled_pictures import LabelledPictures

PICTURES = 64


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns labels int64 [n], probabilities float32 [n, classes] and the 64 pictures the model was most wrong about."""
    import keras

    logits = model.predict(batches(config, spec, split, False).map(lambda x, y: x), verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    worst = np.argsort(probabilities[np.arange(len(split)), split.labels])[:PICTURES]
    return {
        "labels": split.labels,
        "probabilities": probabilities,
        "worst": worst,
        "worst_images": split.images[worst],
    }


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier."""
    return classification.metrics(predictions["labels"], predictions["probabilities"], spec["class_names"])
