"""Predictions of the digits app and their metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from apps.digits import other_pictures, rejection
from apps.digits.config import Config
from apps.digits.data import CLASS_NAMES
from apps.digits.tuning import tuned_answers
from harness import calibration, classification, dropout_average, robustness
from harness.app import Metric, Predictions
from harness.labelled_pictures import LabelledPictures
from harness.statistics import wilson

PICTURES = 64
BATCH = 500
STRENGTHS = {
    "noise": (0.1, 0.2, 0.3, 0.4, 0.6),
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0),
    "rotation": (10, 20, 30, 45, 60),
    "shift": (1, 2, 3, 4, 6),
    "contrast": (0.2, 0.4, 0.6, 0.8, 0.9),
    "occlusion": (4, 6, 8, 10, 14),
}
"""Of `harness.robustness`."""


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the answers for a split, the 64 pictures the model was most wrong about, and what it makes of other pictures.

    Returns:
        labels int64 [n]; probabilities float32 [n, classes]; scores float32 [n] of `rejection`; worst int64 [64] and
        worst_images uint8 [64, 28, 28]; subset int64 [m], a seeded choice of at most 1,000 pictures, perturbed_answers int16
        [m, perturbations, 1 + strengths] of `robustness.answers`, and for a model with dropout dropout_average float32
        [m, classes], the mean of 100 stochastic passes. Where the model was tuned also temperature and least_score float64 [1]
        and calibrated float32 [n, classes], the probabilities at that temperature. For models of the ten digits scores_KIND
        of every kind of `other_pictures`, and right_KIND bool where they are digits.
    """
    answers = tuned_answers(spec)
    known = answers.likeness if answers else None
    answering = rejection.with_features(model)

    def answer(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns logits [n, classes] and scores [n] of pictures [n, 28, 28]."""
        images = images.astype(np.float32)
        features, logits = answering.predict(images, batch_size=BATCH, verbose=0)
        return logits, rejection.scores(images, features, logits, known).numpy()

    logits, scores = answer(split.images)
    probabilities = calibration.tempered(logits, 1.0)
    worst = np.argsort(probabilities[np.arange(len(split)), split.labels])[:PICTURES]
    subset = robustness.subset(len(split))
    chosen = split.images[subset]

    predictions = {
        "labels": split.labels,
        "probabilities": probabilities,
        "scores": scores,
        "worst": worst,
        "worst_images": split.images[worst],
        "subset": subset,
        "perturbed_answers": robustness.answers(lambda images: answer(images)[0], chosen, STRENGTHS),
    }
    if dropout_average.has_dropout(model):
        predictions["dropout_average"] = dropout_average.average(model, chosen)
    if answers is not None:
        predictions["temperature"] = np.array([answers.temperature])
        predictions["least_score"] = np.array([answers.least_score])
        predictions["calibrated"] = calibration.tempered(logits, answers.temperature)
    if tuple(spec["class_names"]) == CLASS_NAMES:
        predictions |= _of_other_pictures(answer, split, uci=config.data.source == "mnist")
    return predictions


def _of_other_pictures(
    answer: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], split: LabelledPictures, uci: bool
) -> dict[str, np.ndarray]:
    found = {}
    for kind, (pictures, labels) in other_pictures.other_hands(split, uci).items():
        logits, found[f"scores_{kind}"] = answer(other_pictures.centred(pictures))
        found[f"right_{kind}"] = logits.argmax(axis=1) == labels
    for kind, pictures in other_pictures.no_digits().items():
        _, found[f"scores_{kind}"] = answer(other_pictures.centred(pictures))
    return found


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier, the calibration also after temperature scaling.

    accuracy_perturbed is the mean over all perturbations and strengths; the average of stochastic passes stands beside the
    single pass on the same pictures. no_digit_KIND is the share that is called no digit: of the split's own pictures and of
    other digits the false alarms, of the other kinds what is found out.
    """
    labels, names = predictions["labels"], spec["class_names"]
    # a baseline's predictions hold labels and probabilities alone
    metrics = classification.metrics(labels, predictions["probabilities"], names)
    metrics |= calibration.metrics(predictions, names)
    if "perturbed_answers" in predictions:
        perturbed = labels[predictions["subset"]]
        metrics["accuracy_perturbed"] = robustness.metric(perturbed, predictions["perturbed_answers"])
    metrics |= dropout_average.metrics(predictions, names)
    for name, right in predictions.items():
        if name.startswith("right_"):
            metrics[f"accuracy_{name.removeprefix('right_')}"] = share(int(right.sum()), len(right))
    for kind, rejected in no_digit(predictions).items():
        metrics[f"no_digit_{kind or 'false_alarms'}"] = rejected
    return metrics


def no_digit(predictions: Predictions) -> dict[str, Metric]:
    """Returns kind of picture -> share called no digit, "" for the split's own pictures; {} where nothing was tuned."""
    if "least_score" not in predictions:
        return {}
    least = predictions["least_score"][0]
    return {
        name.removeprefix("scores").removeprefix("_"): share(int((scores < least).sum()), len(scores))
        for name, scores in predictions.items()
        if name.startswith("scores")
    }


def share(count: int, examples: int) -> Metric:
    """Returns a share of examples with its 95 % interval (Wilson)."""
    return Metric(count / examples, "fraction", examples, wilson(count, examples))
