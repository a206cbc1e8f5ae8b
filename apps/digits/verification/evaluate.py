"""Predictions of a siamese network and their metrics: same or different, and k-shot classification of digits left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from apps.digits.config import Config
from apps.digits.models.siamese import ENCODER
from apps.digits.verification.pairs import disjoint_pairs, is_left_out
from datasets.errors import DataError
from harness.app import Metric, Predictions, Prepared
from harness.labelled_pictures import LabelledPictures
from harness.statistics import bootstrap_corpus, wilson

TUNED_FILE = "same_probability.json"
SHOTS = (1, 5, 10)
DRAWS = 500
"""Random choices of the k labelled examples of each class."""
WORST = 24
"""Pairs whose pictures are kept for the report."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of one group of classes with their distances."""

    indices: np.ndarray
    """int64 [pairs, 2]."""
    same: np.ndarray
    """bool [pairs]."""
    distances: np.ndarray
    """float64 [pairs]."""


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Fits the probability that a pair is of the same class, from its distance, on validation pairs (of classes seen).

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    validation = prepared.splits["validation"] if len(prepared.splits["validation"]) else prepared.splits["train"]
    intercept, slope = fit(validation.labels, embed(model, validation.images), config.data.source)
    return {TUNED_FILE: json.dumps({"intercept": intercept, "slope": slope}) + "\n"}


def fit(labels: np.ndarray, embeddings: np.ndarray, source: str) -> tuple[float, float]:
    """Returns the intercept and slope of the logit of "same" over the distance.

    Raises:
        DataError: too few examples for a pair of each kind.
    """
    pairs, same = disjoint_pairs(labels)
    if not len(pairs):
        raise DataError(f"{source}: too few pictures for validation pairs; give every class 4 or more")
    fitted = LogisticRegression(C=1e3).fit(_distances(embeddings, pairs)[:, None], same)
    return float(fitted.intercept_[0]), float(fitted.coef_[0, 0])


def calibration(spec: dict[str, Any]) -> tuple[float, float]:
    """Returns the intercept and slope that `tune` kept.

    Raises:
        DataError: the run has not been evaluated on its own data yet.
    """
    text = spec.get("tuned", {}).get(TUNED_FILE)
    if text is None:
        raise DataError("the siamese network's threshold is not fitted yet; evaluate the run on its own data first")
    values = json.loads(text)
    return values["intercept"], values["slope"]


def embed(model: Any, images: np.ndarray) -> np.ndarray:
    """Returns the embeddings of pictures uint8 [n, 28, 28], float32 [n, dimensions]."""
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(500).map(lambda x: tf.cast(x, tf.float32))
    return model.get_layer(ENCODER).predict(dataset, verbose=0)


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the embeddings of a split, and the pictures of the pairs of seen classes it was most wrong about.

    Returns:
        labels int64 [n]; embeddings float32 [n, dimensions]; calibration float64 [2], intercept and slope of the logit of
        "same" over the distance; worst int64 [24, 2] and worst_images uint8 [24, 2, 28, 28].
    """
    embeddings = embed(model, split.images)
    predictions = {"labels": split.labels, "embeddings": embeddings, "calibration": np.array(calibration(spec))}
    pairs = pairs_of(config, spec, predictions, left_out=False)
    own = np.where(pairs.same, 1, -1) * logits(predictions, pairs)
    worst = pairs.indices[np.argsort(own)[:WORST]]
    return {**predictions, "worst": worst, "worst_images": split.images[worst]}


def baselines(config: Config, prepared: Prepared) -> dict[str, Predictions]:
    """Returns what the Euclidean distance of the pixels does on the same pairs; none on a person's new data."""
    validation, test = prepared.splits.get("validation", ()), prepared.splits["test"]
    if not len(validation):
        return {}

    def pixels(split: LabelledPictures) -> np.ndarray:
        return split.images.reshape(len(split), -1).astype(np.float32) / 255.0

    fitted = fit(validation.labels, pixels(validation), config.data.source)
    return {"pixel_distance": {"labels": test.labels, "embeddings": pixels(test), "calibration": np.array(fitted)}}


def pairs_of(config: Config, spec: dict[str, Any], predictions: Predictions, left_out: bool) -> Pairs:
    """Returns the pairs among the classes left out of training, or among those seen."""
    labels = predictions["labels"]
    members = np.flatnonzero(is_left_out(spec, config.model, labels) == left_out)
    indices, same = disjoint_pairs(labels[members])
    indices = members[indices]
    return Pairs(indices, same, _distances(predictions["embeddings"], indices))


def logits(predictions: Predictions, pairs: Pairs) -> np.ndarray:
    """Returns the logit of "same" for each pair."""
    intercept, slope = predictions["calibration"]
    return intercept + slope * pairs.distances


def _distances(embeddings: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    first, second = embeddings[pairs[:, 0]].astype(np.float64), embeddings[pairs[:, 1]].astype(np.float64)
    return np.linalg.norm(first - second, axis=1)


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy and area under the ROC curve on pairs of seen and of left-out classes, and k-shot accuracies.

    Half the pairs are of the same class, and no picture is in two pairs. accuracy_k_shot is the mean over 500 draws of k
    examples of each class left out, by which all its other test pictures are classified; its interval holds 95 % of the draws.

    Raises:
        DataError: too few pictures of seen classes for pairs.
    """
    metrics = {}
    for left_out, ending in ((False, ""), (True, "_left_out")):
        pairs = pairs_of(config, spec, predictions, left_out)
        count = len(pairs.same)
        if not count:
            continue
        right = int(((logits(predictions, pairs) > 0) == pairs.same).sum())
        low, high = wilson(right, count)
        metrics[f"accuracy{ending}"] = Metric(right / count, "fraction", count, (low, high))
        metrics[f"error_rate{ending}"] = Metric(1 - right / count, "fraction", count, (1 - high, 1 - low))
        metrics[f"roc_auc{ending}"] = Metric(area(pairs), "fraction", count, area_interval(pairs))
    if "accuracy" not in metrics:
        raise DataError(f"{config.data.source}: too few pictures of seen classes for pairs; give every class 4 or more")
    for shots, accuracies in k_shot(config, spec, predictions).items():
        low, high = np.percentile(accuracies, [2.5, 97.5])
        metrics[f"accuracy_{shots}_shot"] = Metric(
            float(accuracies.mean()), "fraction", len(accuracies), (float(low), float(high))
        )
    return metrics


def area(pairs: Pairs, drawn: np.ndarray | slice = slice(None)) -> float:
    """Returns the area under the ROC curve: the chance that a pair of the same class is closer than another (ties: half).

    Not a number where `drawn` holds pairs of one kind only.
    """
    same = pairs.same[drawn]
    positives, negatives = int(same.sum()), int((~same).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(-pairs.distances[drawn])
    return float((ranks[same].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def area_interval(pairs: Pairs) -> tuple[float, float]:
    """Returns the bootstrap interval of the area over the pairs, which are independent."""
    return bootstrap_corpus(len(pairs.same), lambda indices: area(pairs, indices))


def k_shot(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[int, np.ndarray]:
    """Classifies the pictures of classes left out by the nearest mean embedding of k examples of each.

    Returns:
        k -> accuracy in each of 500 draws of the examples, mean over the classes; without k that leave a class no others.

    Source: nearest mean of the embedded examples as in Snell, Swersky and Zemel, "Prototypical networks", NIPS 2017.
    """
    labels = predictions["labels"]
    members = np.flatnonzero(is_left_out(spec, config.model, labels))
    classes, kinds = np.unique(labels[members], return_inverse=True)
    if len(classes) < 2:
        return {}
    embeddings = predictions["embeddings"][members]
    of_class = [np.flatnonzero(kinds == place) for place in range(len(classes))]
    generator = np.random.default_rng(0)
    smallest = min(map(len, of_class))
    return {
        shots: np.array([_one_draw(embeddings, kinds, of_class, shots, generator) for _ in range(DRAWS)])
        for shots in SHOTS
        if shots < smallest
    }


def _one_draw(
    embeddings: np.ndarray,
    kinds: np.ndarray,
    of_class: list[np.ndarray],
    shots: int,
    generator: np.random.Generator,
) -> float:
    chosen = [generator.choice(members, shots, replace=False) for members in of_class]
    means = np.stack([embeddings[places].mean(axis=0) for places in chosen])
    others = np.ones(len(kinds), bool)
    others[np.concatenate(chosen)] = False
    # |x - m|^2 without |x|^2, which is the same for every mean
    right = ((means**2).sum(axis=1) - 2 * embeddings @ means.T).argmin(axis=1) == kinds
    return float(np.mean([right[others & (kinds == place)].mean() for place in range(len(of_class))]))
