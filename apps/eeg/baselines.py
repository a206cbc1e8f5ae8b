"""What stands beside the networks: linear classifiers on coarse time courses, trained and tested on the same subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from apps.eeg.config import Config
from apps.eeg.data import Trials, all_but_test
from harness.app import Predictions, Prepared

TIME_BINS = 16
RIDGE_PENALTY = 1000.0
LOGISTIC_PENALTY = 1e-3


def baselines(config: Config, prepared: Prepared) -> dict[str, Predictions]:
    """Returns the predictions of ridge and of logistic regression on the test split; none where there is nothing to train on."""
    if not len(prepared.splits.get("train", ())):
        return {}
    train, test = all_but_test(prepared.splits), prepared.splits["test"]
    return {
        "ridge": ridge(prepared.spec, train, test),
        "logistic_regression": _predictions(
            make_pipeline(StandardScaler(), LogisticRegression(C=LOGISTIC_PENALTY, max_iter=300)),
            prepared.spec,
            train,
            test,
        ),
    }


def ridge(spec: dict[str, Any], train: Trials, test: Trials) -> Predictions:
    """Returns ridge regression's predictions; its probabilities are the softmax of its outputs, and not calibrated."""
    return _predictions(make_pipeline(StandardScaler(), RidgeClassifier(alpha=RIDGE_PENALTY)), spec, train, test)


def time_courses(signals: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """Returns the mean amplitude of 16 time bins at every scalp electrode against the average reference.

    Args:
        signals: [trials, electrodes, samples] in volts.

    Returns:
        float32 [trials, scalp electrodes * 16] in microvolts.
    """
    kept = 1e6 * signals[:, spec["scalp"]]
    kept = kept - kept.mean(axis=1, keepdims=True)
    length = kept.shape[2] // TIME_BINS * TIME_BINS
    bins = kept[:, :, :length].reshape(*kept.shape[:2], TIME_BINS, -1).mean(axis=-1)
    return bins.reshape(len(kept), -1)


def _predictions(classifier: Any, spec: dict[str, Any], train: Trials, test: Trials) -> Predictions:
    classifier.fit(time_courses(train.signals, spec), train.labels)
    scores = classifier.decision_function(time_courses(test.signals, spec))
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    known = classifier.classes_
    full = np.full((len(test), len(spec["class_names"])), -np.inf)
    full[:, known] = scores
    return {"labels": test.labels, "probabilities": softmax(full, axis=1), "subjects": test.subjects}
