"""The pictures and tables of a cifar10 report."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from apps.cifar10.config import Config
from harness import classification
from harness.app import Predictions
from harness.sections import Picture

ROWS, COLUMNS = 4, 8


def figures(config: Config, spec: dict[str, Any], model: Any, split: Any, predictions: Predictions) -> list[Any]:
    """Returns the report's sections in order."""
    names = spec["class_names"]
    sections = [
        shown(predictions, names, "worst", "Most wrong", "The examples whose true class got the least probability."),
        *classification.sections(predictions["labels"], predictions["probabilities"], names),
        shown(predictions, names, "best", "Most sure", "The examples whose true class got the most probability."),
    ]
    if model is not None:
        sections += first_filters(model)
    return sections


def shown(predictions: Predictions, names: list[str], which: str, title: str, caption: str) -> Picture:
    """Draws the pictures `which` ("worst" or "best") with the answer, its probability and the true class."""
    figure = Figure(figsize=(8, 5.6))
    for place, index in enumerate(predictions[which][: ROWS * COLUMNS]):
        probabilities = predictions["probabilities"][index]
        answer, truth = int(probabilities.argmax()), int(predictions["labels"][index])
        axes = figure.add_subplot(ROWS, COLUMNS, place + 1)
        axes.imshow(predictions[f"{which}_images"][place], interpolation="nearest")
        colour = "#1d6b35" if answer == truth else "#b3261e"
        text = f"{names[answer]} {probabilities[answer]:.0%}\nis {names[truth]} {probabilities[truth]:.0%}"
        axes.set_title(text, fontsize=6.5, color=colour, parse_math=False)
        axes.axis("off")
    figure.tight_layout()
    return Picture(title, caption + " Above: the answer; below: what the picture is.", figure)


def first_filters(model: keras.Model) -> list[Picture]:
    """Draws the kernels of the first convolution, if the network begins with one, as small colour pictures."""
    found = [weight for weight in model.weights if len(weight.shape) == 4 and weight.shape[2] == 3]
    if not found:
        return []
    kernels = np.moveaxis(np.asarray(found[0]), -1, 0)[:64]
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    kernels = 0.5 + 0.5 * kernels / np.maximum(largest, 1e-12)
    rows = -(-len(kernels) // 16)
    figure = Figure(figsize=(8, 0.55 * rows + 0.1))
    for place, kernel in enumerate(kernels):
        axes = figure.add_subplot(rows, 16, place + 1)
        axes.imshow(kernel, interpolation="nearest")
        axes.axis("off")
    figure.tight_layout(pad=0.3)
    caption = "Kernels of the first convolution, each scaled to its largest value; grey is zero."
    return [Picture("First filters", caption, figure)]
