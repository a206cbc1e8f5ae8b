"""Metrics and figures of a classifier whose examples may have several labels, from its labels and probabilities alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, precision_recall_fscore_support

from harness.app import Metric
from harness.sections import Picture, Table
from harness.statistics import bootstrap, bootstrap_corpus, wilson

DRAWS = 300
"""Bootstrap draws of the average precision, which sorts every label's probabilities anew in each."""
DRAWN = 12
"""Labels whose curves are drawn, at most: the commonest."""


def best_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the probability from which on each label is given: the one of the best F1, float64 [labels].

    Between two probabilities that occur the middle is taken; 0.5 where a label has no positive example.

    Args:
        labels: 0 or 1 [examples, labels], of validation examples.
        probabilities: [examples, labels].

    Source: Lipton, Elkan and Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014.
    """
    return np.array([_best_threshold(labels[:, place], probabilities[:, place]) for place in range(labels.shape[1])])


def _best_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    if not labels.any():
        return 0.5
    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    scores = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(scores[:-1].argmax())
    below = probabilities[probabilities < thresholds[best]]
    return float((thresholds[best] + (below.max() if len(below) else 0.0)) / 2)


def metrics(labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray) -> dict[str, Metric]:
    """Returns accuracy (all labels of an example right: the subset accuracy), its error rate, Hamming loss, F1 and average precision.

    Args:
        labels: 0 or 1 [examples, labels].
        probabilities: [examples, labels].
        thresholds: [labels]; a label is given from there on.

    F1 is given over all labels together (micro) and as the mean over the labels that occur (macro), as is the average
    precision, which needs no thresholds.
    """
    labels, answers = np.asarray(labels, bool), np.asarray(probabilities) >= thresholds
    count = len(labels)
    right = int((labels == answers).all(axis=1).sum())
    low, high = wilson(right, count)
    wrong = (labels != answers).mean(axis=1)
    precision = Metric(
        mean_average_precision(labels, probabilities),
        "fraction",
        count,
        bootstrap_corpus(count, lambda i: mean_average_precision(labels[i], probabilities[i]), draws=DRAWS),
    )
    return {
        "accuracy": Metric(right / count, "fraction", count, (low, high)),
        "error_rate": Metric(1 - right / count, "fraction", count, (1 - high, 1 - low)),
        "hamming_loss": Metric(float(wrong.mean()), "fraction", count, bootstrap(wrong)),
        **{
            name: Metric(
                f1(labels, answers, micro),
                "fraction",
                count,
                bootstrap_corpus(count, lambda i, micro=micro: f1(labels[i], answers[i], micro)),
            )
            for name, micro in (("macro_f1", False), ("micro_f1", True))
        },
        "mean_average_precision": precision,
    }


def f1(labels: np.ndarray, answers: np.ndarray, micro: bool) -> float:
    """Returns the F1 of all labels together (micro), or its mean over the labels that occur; not a number without any."""
    hits, given, present = (labels & answers).sum(axis=0), answers.sum(axis=0), labels.sum(axis=0)
    if micro:
        return float(2 * hits.sum() / (given.sum() + present.sum())) if present.any() else float("nan")
    there = present > 0
    return float((2 * hits[there] / (given + present)[there]).mean()) if there.any() else float("nan")


def mean_average_precision(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the mean over the labels that occur of the area under the precision-recall curve, summed step by step."""
    places = np.flatnonzero(labels.any(axis=0))
    scores = [average_precision_score(labels[:, place], probabilities[:, place]) for place in places]
    return float(np.mean(scores)) if scores else float("nan")


def label_table(labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, names: Sequence[str]) -> Table:
    """Returns threshold, precision, recall, F1, average precision and number of examples of each label."""
    answers = probabilities >= thresholds
    columns = precision_recall_fscore_support(labels, answers, average=None, zero_division=0)
    rows = []
    for place, (name, precision, recall, score, support) in enumerate(zip(names, *columns, strict=True)):
        area = average_precision_score(labels[:, place], probabilities[:, place]) if support else None
        shown = "" if area is None else f"{area:.3f}"
        row = [str(name), f"{thresholds[place]:.2f}", f"{precision:.1%}", f"{recall:.1%}", f"{score:.3f}", shown]
        rows.append([*row, int(support)])
    head = ["label", "threshold", "precision", "recall", "F1", "average precision", "examples"]
    caption = "A label is given from its threshold on, which has the best F1 on the validation examples."
    return Table("Labels", caption, head, rows)


def precision_recall_picture(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> Picture:
    """Returns the precision-recall curves of the commonest labels."""
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for place in np.argsort(-labels.sum(axis=0), kind="stable")[:DRAWN]:
        if labels[:, place].any():
            precision, recall, _ = precision_recall_curve(labels[:, place], probabilities[:, place])
            axes.step(recall, precision, where="post", linewidth=1.3, label=str(names[place]))
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    axes.grid(color="#e5e7eb")
    axes.legend(fontsize=8)
    return Picture("Precision and recall", "Of each label over all thresholds, the commonest labels.", figure)
