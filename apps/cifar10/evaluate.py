"""Predictions of the cifar10 app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.cifar10 import views
from apps.cifar10.config import Config
from apps.cifar10.tuning import tuned_temperature
from harness import calibration, classification, dropout_average, robustness
from harness.app import Metric, Predictions
from harness.labelled_pictures import LabelledPictures

SHOWN = 32
BATCH = 500
STRENGTHS = {
    "noise": (0.02, 0.04, 0.06, 0.1, 0.2),
    "blur": (0.5, 0.75, 1.0, 1.5, 2.0),
    "rotation": (5, 10, 20, 30, 45),
    "shift": (1, 2, 4, 6, 8),
    "contrast": (0.2, 0.4, 0.6, 0.8, 0.9),
    "occlusion": (4, 8, 12, 16, 20),
}
"""Of `harness.robustness`; pixels are those of pictures of 32."""


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the answers for a split, the pictures that the report shows, and what is made of harder pictures.

    Returns:
        labels int64 [n]; probabilities float32 [n, classes], and probabilities_one_view, of the picture as it is; `worst` and
        `best` index the 32 examples whose true class got the least and the most probability; subset int64 [m], a seeded choice
        of at most 1,000 pictures, perturbed_answers int16 [m, perturbations, 1 + strengths] of `robustness.answers` to one view,
        and for a model with dropout dropout_average float32 [m, classes], the mean of 100 stochastic passes. Where the model was
        tuned also temperature float64 [1] and calibrated float32 [n, classes], the probabilities at that temperature.
    """
    probabilities, one_view = views.of_split(config, spec, model, split)
    order = np.argsort(probabilities[np.arange(len(split)), split.labels], kind="stable")
    worst, best = order[:SHOWN], order[::-1][:SHOWN]
    subset = robustness.subset(len(split))
    chosen = split.images[subset]

    def classify(images: np.ndarray) -> np.ndarray:
        return model.predict(images.astype(np.float32), batch_size=BATCH, verbose=0)

    predictions = {
        "labels": split.labels,
        "probabilities": probabilities,
        "probabilities_one_view": one_view,
        "worst": worst,
        "worst_images": split.images[worst],
        "best": best,
        "best_images": split.images[best],
        "subset": subset,
        "perturbed_answers": robustness.answers(classify, chosen, STRENGTHS),
    }
    if dropout_average.has_dropout(model):
        predictions["dropout_average"] = dropout_average.average(model, chosen)
    temperature = tuned_temperature(spec)
    if temperature is not None:
        predictions["temperature"] = np.array([temperature])
        predictions["calibrated"] = calibration.tempered(views.logarithms(probabilities), temperature)
    return predictions


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier, the calibration also after temperature scaling.

    accuracy_one_view does without the mean over the views. So do accuracy_perturbed, the mean over all perturbations and
    strengths, and the average of stochastic passes and the single pass beside it.
    """
    labels, names = predictions["labels"], spec["class_names"]
    metrics = dict(classification.metrics(labels, predictions["probabilities"], names))
    metrics |= calibration.metrics(predictions, names)
    if config.model.average_flips or config.model.average_shifts:
        one_view = classification.metrics(labels, predictions["probabilities_one_view"], names)
        metrics["accuracy_one_view"] = one_view["accuracy"]
    metrics["accuracy_perturbed"] = robustness.metric(labels[predictions["subset"]], predictions["perturbed_answers"])
    return metrics | dropout_average.metrics(of_one_view(predictions), names)


def of_one_view(predictions: Predictions) -> Predictions:
    """Returns the predictions with the probabilities of the picture as it is."""
    return {**predictions, "probabilities": predictions["probabilities_one_view"]}
