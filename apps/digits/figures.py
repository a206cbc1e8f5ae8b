"""The pictures and tables of a digits report."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from apps.digits.config import Config
from harness import classification
from harness.app import Predictions
from harness.sections import Picture


def figures(config: Config, spec: dict[str, Any], model: Any, split: Any, predictions: Predictions) -> list[Any]:
    """Returns the report's sections in order."""
    names = spec["class_names"]
    sections = list(classification.sections(predictions["labels"], predictions["probabilities"], names))
    sections.insert(0, most_wrong(predictions, names))
    if "calibrated" in predictions:
        after = classification.reliability_picture(predictions["labels"], predictions["calibrated"])
        title = f"Reliability diagram with temperature {predictions['temperature'][0]:.2f}"
        caption = "The same after the logits were divided by the temperature that fits the validation pictures best."
        sections.append(dataclasses.replace(after, title=title, caption=caption))
    if model is not None:
        sections.append(first_filters(model))
        if _first_kernel(model).ndim == 4:
            sections.append(feature_maps(model, predictions["worst_images"][0]))
    return sections


def most_wrong(predictions: Predictions, names: list[str]) -> Picture:
    """Draws the pictures whose true class got the least probability."""
    figure = Figure(figsize=(8, 5.2))
    for place in range(min(24, len(predictions["worst"]))):
        index = predictions["worst"][place]
        probabilities = predictions["probabilities"][index]
        answer, truth = int(probabilities.argmax()), int(predictions["labels"][index])
        axes = figure.add_subplot(3, 8, place + 1)
        axes.imshow(255 - predictions["worst_images"][place], cmap="gray", vmin=0, vmax=255)
        colour = "#b3261e" if answer != truth else "#1d6b35"
        axes.set_title(f"{names[answer]} {probabilities[answer]:.0%}\nis {names[truth]}", fontsize=8, color=colour)
        axes.axis("off")
    figure.tight_layout()
    caption = "The examples whose true class got the least probability: the answer with its probability, and what the picture is."
    return Picture("Most wrong", caption, figure)


def first_filters(model: keras.Model) -> Picture:
    """Draws the kernels of the first layer with weights: a convolution, or a layer that sees the 784 pixels."""
    kernel = _first_kernel(model)
    if kernel.ndim == 4:
        kernels, caption = np.moveaxis(kernel[:, :, 0], -1, 0), "Kernels of the first convolution; dark is negative."
    else:
        kernels, caption = kernel.T.reshape(-1, 28, 28), "Weights of the first layer's units; dark is negative."
    return Picture("First filters", caption, _row(kernels))


def feature_maps(model: keras.Model, image: np.ndarray) -> Picture:
    """Draws what the first convolution makes of one picture."""
    part = keras.Model(model.input, _first_with_weights(model).output)
    maps = np.asarray(part(image[None].astype(np.float32)))[0]
    return Picture(
        "First feature maps",
        "What the first convolution makes of the most wrong picture.",
        _row(np.moveaxis(maps, -1, 0)),
    )


def _first_with_weights(model: keras.Model) -> keras.layers.Layer:
    return next(layer for layer in model.layers if layer.trainable_weights)


def _first_kernel(model: keras.Model) -> np.ndarray:
    return np.asarray(_first_with_weights(model).trainable_weights[0])


def _row(pictures: np.ndarray) -> Figure:
    figure = Figure(figsize=(8, 1.5))
    for place, picture in enumerate(pictures[:8]):
        axes = figure.add_subplot(1, 8, place + 1)
        axes.imshow(picture, cmap="gray")
        axes.axis("off")
    figure.tight_layout()
    return figure
