"""The pictures and tables of a digits report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from apps.digits.config import Config
from apps.digits.evaluate import STRENGTHS, no_digit
from harness import calibration, classification, dropout_average, robustness
from harness.app import Predictions, Prepared
from harness.feature_maps import drawn, feature_maps, first_convolutions, tiles
from harness.sections import Picture, Table


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    names, labels = spec["class_names"], predictions["labels"]
    sections = [most_wrong(predictions, names), *classification.sections(labels, predictions["probabilities"], names)]
    sections += calibration.pictures(predictions)
    sections.append(robustness.curves(labels[predictions["subset"]], predictions["perturbed_answers"], STRENGTHS))
    sections += dropout_average.tables(predictions, names)
    if "least_score" in predictions:
        sections.append(rejection_table(predictions))
    if model is not None:
        sections += list(first_filters(model))
        sections += list(feature_maps(model, predictions["worst_images"][0]))
    return sections


def most_wrong(predictions: Predictions, names: list[str]) -> Picture:
    """Draws the pictures whose true class got the least probability."""
    worst = predictions["worst"][:24]
    return classification.answered_pictures(
        "Most wrong",
        "The examples whose true class got the least probability.",
        255 - predictions["worst_images"][:24],
        predictions["labels"][worst],
        predictions["probabilities"][worst],
        names,
    )


def rejection_table(predictions: Predictions) -> Table:
    """Lists how many pictures of every kind are called no digit, and how many digits of other collections are read right."""
    rows = []
    for kind, rejected in no_digit(predictions).items():
        right = predictions.get(f"right_{kind}") if kind else _right(predictions)
        read = "" if right is None else f"{100 * right.mean():.1f} %"
        name = kind.replace("_", " ") or "test pictures"
        rows.append([name, read, f"{100 * rejected.value:.1f} %", rejected.examples])
    caption = (
        "Share of pictures that are called no digit because their logits and features are less like those of training pictures "
        "than nearly all validation pictures' are, and of digits that get their class (before that question). All but the test pictures go through the exported "
        "model's centring: test digits in made photographs, scikit-learn's UCI digits, printed letters, cuttings of two photographs, "
        "noise, ruled and shaded paper without a digit, and pictures of one grey."
    )
    return Table("No digit", caption, ["kind", "read right", "no digit", "pictures"], rows)


def _right(predictions: Predictions) -> np.ndarray:
    return predictions["probabilities"].argmax(axis=1) == predictions["labels"]


def first_filters(model: keras.Model) -> Iterator[Picture]:
    """Draws the kernels of the first convolutions, or the weights of a first layer that sees the 784 pixels."""
    convolutions = first_convolutions(model)
    if not convolutions:
        kernel = next(np.asarray(layer.trainable_weights[0]) for layer in model.layers if layer.trainable_weights)
        if kernel.shape[0] == 28 * 28:
            caption = "Weights that lead from the pixels to the first units; red is positive, blue negative."
            yield Picture("First filters", caption, tiles(kernel.T.reshape(-1, 28, 28), signed=True))
        return
    for number, layer in enumerate(convolutions, 1):
        kernel = np.asarray(layer.trainable_weights[0])
        inputs, outputs = kernel.shape[2:]
        caption = f"Kernels of convolution {number}, {drawn(outputs)} of {kernel.shape[0]} x {kernel.shape[1]}"
        if inputs > 1:
            largest = np.abs(kernel).sum(axis=(0, 1)).argmax(axis=0)
            kernels = kernel[:, :, largest, np.arange(outputs)]
            caption += f", each by the one of its {inputs} inputs with the largest weights"
        else:
            kernels = kernel[:, :, 0]
        caption += "; red is positive, blue negative."
        yield Picture(f"Filters of convolution {number}", caption, tiles(np.moveaxis(kernels, -1, 0), signed=True))
