"""Metrics and figures of a classifier, from its labels and probabilities alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from harness.app import Metric
from harness.picture_grid import picture_grid
from harness.sections import Picture, Table
from harness.statistics import bootstrap, bootstrap_corpus, wilson

CALIBRATION_BINS = 15


def metrics(
    labels: Any, probabilities: Any, class_names: Sequence[str], groups: Sequence[Any] | None = None
) -> dict[str, Metric]:
    """Returns accuracy, error rate, balanced accuracy, macro F1, calibration error and negative log-likelihood.

    Args:
        labels: integers [examples].
        probabilities: [examples, classes].
        groups: [examples], e.g. subjects; every interval then comes from drawing whole groups.

    Intervals of accuracy and error rate are Wilson's, the others are bootstrapped. Balanced accuracy and macro F1 run over
    the classes that occur among the labels.
    """
    labels, probabilities = _checked(labels, probabilities, class_names)
    count, classes = probabilities.shape
    answers = probabilities.argmax(axis=1)
    right = answers == labels
    pairs = labels * classes + answers

    def of_table(statistic):
        def of_indices(indices: np.ndarray) -> float:
            return statistic(np.bincount(pairs[indices], minlength=classes**2).reshape(classes, classes))

        return Metric(of_indices(np.arange(count)), "fraction", count, bootstrap_corpus(count, of_indices, groups))

    accuracy = float(right.mean())
    low, high = wilson(int(right.sum()), count) if groups is None else bootstrap(right, groups=groups)
    losses = -np.log(np.maximum(probabilities[np.arange(count), labels], np.finfo(np.float32).tiny))
    confidence = probabilities.max(axis=1)
    return {
        "accuracy": Metric(accuracy, "fraction", count, (low, high)),
        "error_rate": Metric(1 - accuracy, "fraction", count, (1 - high, 1 - low)),
        "balanced_accuracy": of_table(_balanced_accuracy),
        "macro_f1": of_table(_macro_f1),
        "expected_calibration_error": Metric(
            _calibration_error(confidence, right),
            "fraction",
            count,
            bootstrap_corpus(count, lambda indices: _calibration_error(confidence[indices], right[indices]), groups),
        ),
        "negative_log_likelihood": Metric(float(losses.mean()), "nats", count, bootstrap(losses, groups=groups)),
    }


def sections(labels: Any, probabilities: Any, class_names: Sequence[str]) -> list[Any]:
    """Returns the confusion matrix, the table of precision, recall and F1 of each class, and the reliability diagram."""
    labels, probabilities = _checked(labels, probabilities, class_names)
    answers = probabilities.argmax(axis=1)
    return [
        confusion_picture(labels, answers, class_names),
        class_table(labels, answers, class_names),
        reliability_picture(labels, probabilities),
    ]


def class_weights(labels: Any, n_classes: int) -> np.ndarray:
    """Returns a weight for each class, float32 [classes]: examples / (classes present * examples of the class).

    All present classes then carry the same total weight, and the mean weight over the examples is 1. A class without
    examples has weight 0.
    """
    counts = np.bincount(np.asarray(labels), minlength=n_classes)
    if len(counts) > n_classes:
        raise ValueError(f"a label is {len(counts) - 1}, expected 0 to {n_classes - 1}")
    present = np.count_nonzero(counts)
    weights = np.zeros(n_classes, np.float32)
    np.divide(counts.sum(), present * counts, out=weights, where=counts > 0, casting="unsafe")
    return weights


def confusion_picture(labels: np.ndarray, answers: np.ndarray, class_names: Sequence[str]) -> Picture:
    """Returns the confusion matrix, shaded by the share of each true class."""
    classes = len(class_names)
    table = confusion_matrix(labels, answers, labels=range(classes))
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    size = float(np.clip(0.5 * classes + 1.8, 4.0, 11.0))
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    rotation = 90 if max(map(len, map(str, class_names))) > 2 else 0
    axes.set_xticks(range(classes), [str(n) for n in class_names], rotation=rotation)
    axes.set_yticks(range(classes), [str(n) for n in class_names])
    if classes <= 25:
        for row in range(classes):
            for column in range(classes):
                if table[row, column]:
                    shade = "white" if shares[row, column] > 0.5 else "#1f2937"
                    axes.text(column, row, f"{table[row, column]}", ha="center", va="center", color=shade, fontsize=8)
    caption = "Number of test examples of each true class (row) that received each answer (column); shaded by the row's share."
    return Picture("Confusion matrix", caption, figure)


def class_table(labels: np.ndarray, answers: np.ndarray, class_names: Sequence[str]) -> Table:
    """Returns precision, recall, F1 and number of examples of each class."""
    columns = precision_recall_fscore_support(labels, answers, labels=range(len(class_names)), zero_division=0)
    rows = [
        [str(name), f"{100 * precision:.1f} %", f"{100 * recall:.1f} %", f"{f1:.3f}", int(support)]
        for name, precision, recall, f1, support in zip(class_names, *columns, strict=True)
    ]
    return Table("Classes", "", ["class", "precision", "recall", "F1", "examples"], rows)


def reliability_picture(labels: np.ndarray, probabilities: np.ndarray) -> Picture:
    """Returns the reliability diagram (DeGroot and Fienberg 1983) over the histogram of the confidences."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = _bins(confidence)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = counts > 0
    accuracy = np.bincount(bins, weights=right, minlength=CALIBRATION_BINS)[used] / counts[used]
    mean = np.bincount(bins, weights=confidence, minlength=CALIBRATION_BINS)[used] / counts[used]
    figure = Figure(figsize=(4.8, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="#9ca3af", linestyle="--", linewidth=1)
    bounds = np.array([wilson(round(a * n), int(n)) for a, n in zip(accuracy, counts[used], strict=True)])
    errors = np.abs(bounds.T - accuracy)
    upper.errorbar(mean, accuracy, yerr=errors, fmt="o-", color="#2563eb", ecolor="#93c5fd", markersize=4, capsize=2)
    upper.set(ylabel="accuracy", ylim=(-0.02, 1.02), xlim=(0, 1))
    lower.bar(edges[:-1], counts, width=1 / CALIBRATION_BINS, align="edge", color="#93c5fd", edgecolor="white")
    if counts.max() > 50 * counts[used].min():
        lower.set_yscale("log")  # otherwise the few unsure answers of a good classifier cannot be seen
    lower.set(xlabel="confidence (largest probability)", ylabel="examples")
    caption = (
        f"Accuracy of the answers given with each confidence, in {CALIBRATION_BINS} equal bins, with 95 % intervals; "
        "on the dashed line a stated probability is a true one."
    )
    return Picture("Reliability diagram", caption, figure)


def _checked(labels: Any, probabilities: Any, class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim != 1 or probabilities.shape != (len(labels), len(class_names)):
        raise ValueError(
            f"expected labels [n] and probabilities [n, {len(class_names)}], received {labels.shape} and {probabilities.shape}"
        )
    if len(labels) and not (0 <= labels.min() and labels.max() < len(class_names)):
        raise ValueError(f"a label is outside 0 to {len(class_names) - 1}")
    return labels.astype(np.int64), probabilities


def _balanced_accuracy(table: np.ndarray) -> float:
    present = table.sum(axis=1) > 0
    return float((np.diag(table)[present] / table.sum(axis=1)[present]).mean())


def _macro_f1(table: np.ndarray) -> float:
    present = table.sum(axis=1) > 0
    return float((2 * np.diag(table) / np.maximum(1, table.sum(axis=0) + table.sum(axis=1)))[present].mean())


def _bins(confidence: np.ndarray) -> np.ndarray:
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Share of examples x |accuracy - confidence|, summed over equal bins (Naeini 2015)."""
    gaps = np.bincount(_bins(confidence), weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def answered_pictures(
    title: str,
    caption: str,
    images: Sequence[np.ndarray],
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> Picture:
    """Draws pictures with the answer and the true class, and the probability of both.

    Args:
        images: uint8 [height, width] or [height, width, 3] each.
        labels: int [n], the true classes.
        probabilities: [n, classes].
    """
    answers = probabilities.argmax(axis=1)
    titles = [
        f"{names[answer]} {given[answer]:.0%}\nis {names[truth]} {given[truth]:.0%}"
        for answer, truth, given in zip(answers, labels, probabilities, strict=True)
    ]
    caption += " Above: the answer; below: what the picture is."
    return picture_grid(title, caption, images, titles, answers == labels)
