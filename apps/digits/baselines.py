"""What stands beside the networks: classical classifiers of the pixels, tested on the same pictures (catalogue row D0)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from apps.digits.config import Config, Linear
from harness.app import Predictions, Prepared
from harness.labelled_pictures import LabelledPictures

SUBSET = 10_000
"""Training pictures of the linear classifier and the SVM, whose time grows fast with their number; the neighbours see all."""
LOGISTIC_PENALTY = 0.02
NEIGHBOURS = 3
SVM_PENALTY = 5.0
SVM_WIDTH = 0.02
"""gamma of exp(-gamma |x - y|^2), pixels from 0 to 1."""
SHARE_OF_ALL = 0.9
"""Of the probability that a classifier without probabilities gives its answer; the rest goes evenly to all classes."""


def baselines(config: Config, prepared: Prepared) -> dict[str, Predictions]:
    """Returns the predictions of a linear classifier, three nearest neighbours and an RBF SVM on the test split.

    They are fitted where the row is theirs (the linear preset) and where there are so few pictures that it takes seconds;
    none where there is nothing to train on. The linear classifier and the SVM see a seeded subset of 10,000 pictures.
    """
    train, test = prepared.splits.get("train", ()), prepared.splits["test"]
    if not len(train) or (len(train) > SUBSET and not isinstance(config.model, Linear)):
        return {}
    chosen = np.random.default_rng(config.data.seed).permutation(len(train))[:SUBSET]
    classes = len(prepared.spec["class_names"])
    few = train.subset(np.sort(chosen))
    return {
        "linear_classifier": _predictions(LogisticRegression(C=LOGISTIC_PENALTY, max_iter=200), few, test, classes),
        "k_nearest_neighbours": _predictions(KNeighborsClassifier(NEIGHBOURS), train, test, classes),
        "rbf_svm": _predictions(SVC(C=SVM_PENALTY, gamma=SVM_WIDTH), few, test, classes),
    }


def pixels(split: LabelledPictures) -> np.ndarray:
    """Returns float32 [n, 784] from 0 to 1."""
    return split.images.reshape(len(split), -1).astype(np.float32) / 255.0


def _predictions(classifier: Any, train: LabelledPictures, test: LabelledPictures, classes: int) -> Predictions:
    classifier.fit(pixels(train), train.labels)
    probabilities = np.zeros((len(test), classes))
    if hasattr(classifier, "predict_proba"):
        probabilities[:, classifier.classes_] = classifier.predict_proba(pixels(test))
    else:
        probabilities[np.arange(len(test)), classifier.predict(pixels(test))] = SHARE_OF_ALL
        probabilities += (1 - SHARE_OF_ALL) / classes
    return {"labels": test.labels, "probabilities": probabilities}
