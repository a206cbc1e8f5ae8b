"""The pictures and tables of a siamese network's report."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.metrics import roc_curve

from apps.digits.config import Config
from apps.digits.verification import evaluate
from apps.digits.verification.pairs import is_left_out
from harness.app import Predictions, Prepared
from harness.picture_grid import picture_grid
from harness.sections import Picture, Table
from harness.statistics import standard_error

DRAWN = 3000
"""Pictures in the map, at most."""
GROUPS = ((False, "seen in training", "#2563eb"), (True, "left out of training", "#b3261e"))


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    sections = [roc(config, spec, predictions), distances(config, spec, predictions)]
    shots = evaluate.k_shot(config, spec, predictions)
    if shots:
        sections.append(shot_table(config, shots))
    return [*sections, embedding_map(config, spec, predictions), most_wrong(predictions, spec["class_names"])]


def roc(config: Config, spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws the ROC curve of "same" over pairs of seen and of left-out classes, with the operating point of `predict`."""
    figure = Figure(figsize=(5.4, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#9ca3af", linestyle="--", linewidth=1)
    for left_out, name, colour in GROUPS:
        pairs = evaluate.pairs_of(config, spec, predictions, left_out)
        if not len(pairs.same):
            continue
        false, true, _ = roc_curve(pairs.same, -pairs.distances)
        low, high = evaluate.area_interval(pairs)
        label = f"{name}: area {evaluate.area(pairs):.4f} ({low:.4f} – {high:.4f})"
        axes.plot(false, true, color=colour, label=label)
        answers = evaluate.logits(predictions, pairs) > 0
        axes.plot(answers[~pairs.same].mean(), answers[pairs.same].mean(), "o", color=colour)
    axes.set(xlabel="share of different pairs called same", ylabel="share of same pairs called same")
    axes.grid(color="#e5e7eb")
    axes.legend(fontsize=8, loc="lower right")
    caption = (
        "Test pairs of classes seen in training and of classes left out; the dot is where the probability of “same” is one half. "
        "No picture is in two pairs; areas with 95 % intervals."
    )
    return Picture("ROC curve, same or different", caption, figure)


def distances(config: Config, spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws the histograms of the distances of same and of different pairs."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    intercept, slope = predictions["calibration"]
    for axes, (left_out, name, _) in zip(panels, GROUPS, strict=True):
        pairs = evaluate.pairs_of(config, spec, predictions, left_out)
        if len(pairs.same):
            edges = np.linspace(0, pairs.distances.max(), 41)
            axes.hist(pairs.distances[pairs.same], edges, color="#93c5fd", label="same")
            axes.hist(pairs.distances[~pairs.same], edges, color="#b3261e", histtype="step", label="different")
            axes.axvline(-intercept / slope, color="#6b7280", linestyle=":", label="threshold")
            axes.legend(fontsize=8)
        axes.set(title=name, xlabel="distance")
    panels[0].set_ylabel("pairs")
    return Picture("Distances", "Euclidean distances of the embeddings of test pairs.", figure)


def shot_table(config: Config, shots: dict[int, np.ndarray]) -> Table:
    """Returns the accuracy of k-shot classification of the classes left out."""
    columns = ["examples of each class", "accuracy, mean", "standard error", "95 % of draws", "draws"]
    rows = [
        [str(k), f"{values.mean():.2%}", f"{standard_error(values):.2%}",
         f"{np.percentile(values, 2.5):.2%} – {np.percentile(values, 97.5):.2%}", len(values)]
        for k, values in shots.items()
    ]  # fmt: skip
    left_out = ", ".join(config.model.left_out)
    caption = (
        f"The test pictures of {left_out}, which training never saw, told apart by the nearest mean embedding of k examples of "
        f"each, drawn at random; guessing gives {1 / len(config.model.left_out):.1%}."
    )
    return Table("Classes left out, by a few examples", caption, columns, rows)


def embedding_map(config: Config, spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws the embeddings in two dimensions: as they are, or their first two principal components."""
    labels, embeddings = predictions["labels"], predictions["embeddings"]
    chosen = np.random.default_rng(0).permutation(len(labels))[:DRAWN]
    labels, embeddings = labels[chosen], embeddings[chosen]
    places, how = embeddings, "Both coordinates of the embedding"
    if embeddings.shape[1] > 2:
        components = PCA(2, random_state=0).fit(embeddings)
        share = components.explained_variance_ratio_.sum()
        places, how = components.transform(embeddings), f"First two principal components, {share:.0%} of the variance"
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    left_out = is_left_out(spec, config.model, labels)
    for place, name in enumerate(spec["class_names"]):
        members = labels == place
        if not members.any():
            continue
        marker = "x" if left_out[members][0] else "o"
        axes.scatter(*places[members, :2].T, s=9, marker=marker, linewidths=0.8, color=f"C{place % 10}", label=name)
    axes.legend(fontsize=8, markerscale=2)
    caption = f"{how}, of {len(labels):,} test pictures; crosses are classes that training never saw."
    return Picture("Map of the embedding", caption, figure)


def most_wrong(predictions: Predictions, names: list[str]) -> Picture:
    """Draws the pairs of seen classes whose true answer got the least probability."""
    worst, images = predictions["worst"], predictions["worst_images"]
    labels, embeddings = predictions["labels"], predictions["embeddings"]
    titles = [
        f"{names[labels[first]]} and {names[labels[second]]}: {np.linalg.norm(embeddings[first] - embeddings[second]):.2f}"
        for first, second in worst[:24]
    ]
    pairs = [255 - np.hstack(pair) for pair in images[:24]]
    caption = "Pairs whose true answer got the least probability: what the pictures are, and their distance."
    return picture_grid("Most wrong pairs", caption, pairs, titles, columns=6)
