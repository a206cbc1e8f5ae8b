"""Temperature scaling: a classifier's probabilities made to mean what they say, by one number fitted on validation examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

from harness import classification
from harness.app import Metric, Predictions
from harness.sections import Picture

LOWEST, HIGHEST = 0.05, 20.0
"""Between which the temperature is sought."""


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the temperature T whose softmax(logits / T) has the least negative log-likelihood.

    Where every answer is right, nothing keeps that temperature from zero: then it is never below 1.

    Args:
        labels: integers [n].
        logits: [n, classes]; log-probabilities serve as well.

    Raises:
        ValueError: no examples.

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    labels, logits = np.asarray(labels), np.asarray(logits, np.float64)
    if not len(labels):
        raise ValueError("a temperature cannot be fitted without validation examples")
    own = logits[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        warmth = np.exp(-log_temperature)
        return float(np.mean(logsumexp(warmth * logits, axis=1) - warmth * own))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-4})
    temperature = float(np.exp(found.x))
    return max(1.0, temperature) if np.all(logits.argmax(axis=1) == labels) else temperature


def tempered(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Returns softmax(logits / temperature), float32 [n, classes].

    >>> tempered(np.log([[0.8, 0.2]]), 2.0).argmax(axis=1).tolist()
    [0]
    """
    return np.exp(log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)).astype(np.float32)


def metrics(predictions: Predictions, names: Sequence[str]) -> dict[str, Metric]:
    """Returns calibration error and negative log-likelihood with the temperature, and the temperature; {} without one.

    Args:
        predictions: labels [n]; with a temperature also temperature [1] and calibrated [n, classes], the probabilities at it.
    """
    if "calibrated" not in predictions:
        return {}
    labels = predictions["labels"]
    found = classification.metrics(labels, predictions["calibrated"], names)
    measured = ("expected_calibration_error", "negative_log_likelihood")
    return {f"{name}_with_temperature": found[name] for name in measured} | {
        "temperature": Metric(float(predictions["temperature"][0]), "", len(labels))
    }


def pictures(predictions: Predictions) -> list[Picture]:
    """Returns the reliability diagram with the temperature; none without one."""
    if "calibrated" not in predictions:
        return []
    after = classification.reliability_picture(predictions["labels"], predictions["calibrated"])
    title = f"Reliability diagram with temperature {predictions['temperature'][0]:.2f}"
    caption = "The same after the logits were divided by the temperature that fits the validation pictures best."
    return [dataclasses.replace(after, title=title, caption=caption)]
