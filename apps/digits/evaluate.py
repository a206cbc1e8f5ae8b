"""Predictions of the digits app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.digits import dropout_average, robustness
from apps.digits.config import Config
from apps.digits.data import HeldOutPictures, batches
from harness import classification
from harness.app import Metric, Predictions
from harness.calibration import fit_temperature, tempered
from harness.labelled_pictures import LabelledPictures

PICTURES = 64
BATCH = 500


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the answers for a split and the 64 pictures the model was most wrong about.

    Returns:
        labels int64 [n]; probabilities float32 [n, classes]; worst int64 [64] and worst_images uint8 [64, 28, 28]; for the test
        pictures of the run's own data also temperature float64 [1], fitted on the validation pictures, and calibrated float32
        [n, classes], the probabilities at that temperature. Further subset int64 [m], a seeded choice of at most 1,000
        pictures, perturbed_answers int16 [m, perturbations, 1 + strengths] of `robustness.answers`, and for a model with dropout
        dropout_average float32 [m, classes], the mean of 100 stochastic passes.
    """
    logits = _logits(config, spec, model, split)
    probabilities = tempered(logits, 1.0)
    worst = np.argsort(probabilities[np.arange(len(split)), split.labels])[:PICTURES]
    subset = robustness.subset(len(split))
    chosen = split.images[subset]
    predictions = {
        "labels": split.labels,
        "probabilities": probabilities,
        "worst": worst,
        "worst_images": split.images[worst],
        "subset": subset,
        "perturbed_answers": robustness.answers(
            lambda images: model.predict(images, batch_size=BATCH, verbose=0), chosen
        ),
    }
    if dropout_average.has_dropout(model):
        predictions["dropout_average"] = dropout_average.average(model, chosen)
    if isinstance(split, HeldOutPictures) and len(split.validation):
        temperature = fit_temperature(split.validation.labels, _logits(config, spec, model, split.validation))
        predictions |= {"temperature": np.array([temperature]), "calibrated": tempered(logits, temperature)}
    return predictions


def _logits(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> np.ndarray:
    return model.predict(batches(config, spec, split, False).map(lambda x, y: x), verbose=0)


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier, the calibration also after temperature scaling.

    accuracy_perturbed is the mean over all perturbations and strengths; the average of stochastic passes stands beside the
    single pass on the same pictures.
    """
    labels, names = predictions["labels"], spec["class_names"]
    metrics = classification.metrics(labels, predictions["probabilities"], names)
    if "calibrated" in predictions:
        calibrated = classification.metrics(labels, predictions["calibrated"], names)
        for name in ("expected_calibration_error", "negative_log_likelihood"):
            metrics[f"{name}_with_temperature"] = calibrated[name]
        metrics["temperature"] = Metric(float(predictions["temperature"][0]), "", len(labels))
    subset = predictions["subset"]
    metrics["accuracy_perturbed"] = robustness.metric(labels[subset], predictions["perturbed_answers"])
    if "dropout_average" in predictions:
        for name, probabilities in (
            ("dropout_average", predictions["dropout_average"]),
            ("single_pass", predictions["probabilities"][subset]),
        ):
            measured = classification.metrics(labels[subset], probabilities, names)
            metrics[f"accuracy_{name}"] = measured["accuracy"]
            metrics[f"negative_log_likelihood_{name}"] = measured["negative_log_likelihood"]
    return metrics
