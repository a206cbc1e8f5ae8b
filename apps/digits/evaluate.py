"""Predictions of the digits app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.digits.config import Config
from apps.digits.data import HeldOutPictures, batches
from harness import classification
from harness.app import Metric, Predictions
from harness.calibration import fit_temperature, tempered
from harness.labelled_pictures import LabelledPictures

PICTURES = 64


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the answers for a split and the 64 pictures the model was most wrong about.

    Returns:
        labels int64 [n]; probabilities float32 [n, classes]; worst int64 [64] and worst_images uint8 [64, 28, 28]; for the test
        pictures of the run's own data also temperature float64 [1], fitted on the validation pictures, and calibrated float32
        [n, classes], the probabilities at that temperature.
    """
    logits = _logits(config, spec, model, split)
    probabilities = tempered(logits, 1.0)
    worst = np.argsort(probabilities[np.arange(len(split)), split.labels])[:PICTURES]
    predictions = {
        "labels": split.labels,
        "probabilities": probabilities,
        "worst": worst,
        "worst_images": split.images[worst],
    }
    if isinstance(split, HeldOutPictures) and len(split.validation):
        temperature = fit_temperature(split.validation.labels, _logits(config, spec, model, split.validation))
        predictions |= {"temperature": np.array([temperature]), "calibrated": tempered(logits, temperature)}
    return predictions


def _logits(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> np.ndarray:
    return model.predict(batches(config, spec, split, False).map(lambda x, y: x), verbose=0)


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier, the calibration also after temperature scaling."""
    labels, names = predictions["labels"], spec["class_names"]
    metrics = classification.metrics(labels, predictions["probabilities"], names)
    if "calibrated" in predictions:
        calibrated = classification.metrics(labels, predictions["calibrated"], names)
        for name in ("expected_calibration_error", "negative_log_likelihood"):
            metrics[f"{name}_with_temperature"] = calibrated[name]
        metrics["temperature"] = Metric(float(predictions["temperature"][0]), "", len(labels))
    return metrics
