"""How the accuracy of a classifier of pictures falls as they get harder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from harness.app import Metric
from harness.curves import draw_curve
from harness.perturbations import PERTURBATIONS
from harness.sections import Picture
from harness.statistics import wilson

PICTURES = 1000
"""Of the test split, drawn once by SEED, that are made harder."""
SEED = 0

Classify = Callable[[np.ndarray], np.ndarray]
"""Pictures uint8 [n, height, width, ...] -> logits or probabilities [n, classes]."""

Strengths = Mapping[str, Sequence[float]]
"""Each perturbation's strengths, rising, without the 0; they are as many for each."""


def subset(count: int) -> np.ndarray:
    """Returns the places, in order, of at most 1,000 of `count` examples; always the same."""
    return np.sort(np.random.default_rng(SEED).permutation(count)[:PICTURES])


def answers(classify: Classify, images: np.ndarray, strengths: Strengths) -> np.ndarray:
    """Returns the class given to every picture under every perturbation at every strength.

    Args:
        images: uint8 [n, height, width, ...].

    Returns:
        int16 [n, perturbations, 1 + strengths]; the first strength is 0, the picture as it is.
    """
    plain = classify(images).argmax(axis=1)
    found = []
    for name, stronger in strengths.items():
        apply = PERTURBATIONS[name].apply
        harder = [apply(images, strength, np.random.default_rng(SEED)) for strength in stronger]
        found.append([plain, *(classify(pictures).argmax(axis=1) for pictures in harder)])
    return np.moveaxis(np.array(found, np.int16), -1, 0)


def metric(labels: np.ndarray, answers: np.ndarray) -> Metric:
    """Returns the accuracy over all perturbations and strengths, the plain picture left out; n counts pictures."""
    right = answers[:, :, 1:] == labels[:, None, None]
    return Metric(float(right.mean()), "fraction", len(labels))


def curves(labels: np.ndarray, answers: np.ndarray, strengths: Strengths) -> Picture:
    """Draws the accuracy against the strength of every perturbation, with 95 % intervals (Wilson)."""
    figure = Figure(figsize=(5.8, 7.2), layout="constrained")
    for axes, (name, stronger), given in zip(
        figure.subplots(3, 2, sharey=True).flat, strengths.items(), np.moveaxis(answers, 1, 0), strict=True
    ):
        right = (given == labels[:, None]).sum(axis=0)
        low, high = np.array([wilson(int(successes), len(labels)) for successes in right]).T
        draw_curve(axes, name, PERTURBATIONS[name].unit, (0, *stronger), right / len(labels), low, high)
        axes.set_ylim(0, 102)
    figure.supylabel("accuracy, %", fontsize=9)
    caption = (
        f"Accuracy on {len(labels):,} test pictures (a fixed, seeded choice) that were made harder by one thing at a time; "
        "shaded: 95 % intervals. The model never saw these changes beyond what its own training's distortions contain."
    )
    return Picture("Robustness", caption, figure)
