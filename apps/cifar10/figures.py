"""The pictures and tables of a cifar10 report."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_images

from apps.cifar10.config import Config
from apps.cifar10.cost import layer_costs
from apps.cifar10.evaluate import STRENGTHS, of_one_view
from apps.cifar10.features import nearest
from apps.cifar10.grad_cam import grad_cam
from apps.cifar10.heat_map import heat_map, is_convolutional
from apps.cifar10.tuning import tuned_temperature
from harness import calibration, classification, dropout_average, robustness
from harness.app import Predictions, Prepared
from harness.feature_maps import feature_maps
from harness.labelled_pictures import LabelledPictures
from harness.picture_grid import RIGHT, WRONG
from harness.sections import Picture, Table
from shared_layers.convolution.fully_convolutional import fully_convolutional

SHOWN, COLUMNS = 32, 8
ERRORS, NEIGHBOURS = 8, 4
"""Wrong answers for which the nearest training pictures are shown, and how many of them."""
SEARCHED = 10_000
"""Training pictures among which the nearest are looked for."""


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    names, labels = spec["class_names"], predictions["labels"]
    sections = [
        shown(predictions, names, "worst", "Most wrong", "The examples whose true class got the least probability."),
        *classification.sections(labels, predictions["probabilities"], names),
    ]
    sections += calibration.pictures(predictions)
    sections.append(robustness.curves(labels[predictions["subset"]], predictions["perturbed_answers"], STRENGTHS))
    sections += dropout_average.tables(of_one_view(predictions), names)
    sections.append(
        shown(predictions, names, "best", "Most sure", "The examples whose true class got the most probability.")
    )
    if model is not None:
        train = None if prepared is None else prepared.splits.get("train")
        sections += nearest_pictures(config, model, train, predictions, names) if train is not None else []
        sections += [*explained(model, predictions, names), *first_filters(model)]
        sections += feature_maps(model, predictions["worst_images"][0])
        sections += heat_maps(model, names, tuned_temperature(spec) or 1.0) if is_convolutional(config) else []
        sections.append(costs(model))
    return sections


def shown(predictions: Predictions, names: list[str], which: str, title: str, caption: str) -> Picture:
    """Draws the pictures `which` ("worst" or "best") with the answer, its probability and the true class."""
    places = predictions[which][:SHOWN]
    return classification.answered_pictures(
        title,
        caption,
        predictions[f"{which}_images"][:SHOWN],
        predictions["labels"][places],
        predictions["probabilities"][places],
        names,
    )


def nearest_pictures(
    config: Config, model: keras.Model, train: LabelledPictures, predictions: Predictions, names: list[str]
) -> list[Picture]:
    """Draws the most wrong answers, and beside each the training pictures that the network takes for most alike."""
    worst = predictions["worst"]
    answers, labels = predictions["probabilities"][worst].argmax(axis=1), predictions["labels"][worst]
    chosen = np.flatnonzero(answers != labels)[:ERRORS]
    if not len(chosen):
        return []
    places = np.random.default_rng(config.data.seed).permutation(len(train))[:SEARCHED]
    some = train.subset(np.sort(places))
    rows, width = -(-len(chosen) // 2), NEIGHBOURS + 2  # two errors a row, an empty place between them
    figure = Figure(figsize=(8, 1.2 * rows + 0.1))
    grid = figure.subplots(rows, 2 * width - 1, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    found = nearest(model, predictions["worst_images"][chosen], some.images, NEIGHBOURS)
    for number, (error, neighbours) in enumerate(zip(chosen, found, strict=True)):
        truth = labels[error]
        row = [(predictions["worst_images"][error], f"{names[answers[error]]}\nis {names[truth]}", WRONG)]
        for image, label in zip(some.images[neighbours], some.labels[neighbours], strict=True):
            row.append((image, names[label], RIGHT if label == truth else WRONG))
        for place, (image, title, colour) in enumerate(row):
            axes = grid[number // 2, (number % 2) * width + place]
            axes.imshow(image, interpolation="nearest")
            axes.set_title(title, fontsize=6.5, color=colour, parse_math=False)
    figure.tight_layout(pad=0.4)
    caption = (
        f"The most wrong answers (left, with the answer and what the picture is) and the {NEIGHBOURS} nearest of {len(some):,} "
        f"{'training pictures' if len(some) == len(train) else 'training pictures drawn at random'}, by the Euclidean distance of "
        "the features before the classifier, nearest first; green: of the class that the wrong one is."
    )
    return [Picture("Nearest training pictures", caption, figure)]


def explained(model: keras.Model, predictions: Predictions, names: list[str]) -> list[Picture]:
    """Draws what spoke for the answer in the most wrong and the most sure examples."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    for row, which in enumerate(("worst", "best")):
        images = predictions[f"{which}_images"][:COLUMNS]
        places = predictions[which][:COLUMNS]
        answers, labels = predictions["probabilities"][places].argmax(axis=1), predictions["labels"][places]
        maps = grad_cam(model, images, answers)
        if maps is None:
            return []
        for place, (image, found) in enumerate(zip(images, maps, strict=True)):
            for line, shade in ((0, None), (1, found)):
                axes = figure.add_subplot(4, COLUMNS, (2 * row + line) * COLUMNS + place + 1)
                axes.imshow(image, interpolation="nearest")
                axes.axis("off")
                if shade is None:
                    answer, truth = answers[place], labels[place]
                    colour = RIGHT if answer == truth else WRONG
                    title = f"{names[answer]}\nis {names[truth]}"
                    axes.set_title(title, fontsize=6.5, color=colour, parse_math=False)
                else:
                    height, width = image.shape[:2]
                    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
                    axes.imshow(shade, cmap="inferno", alpha=0.6, extent=extent, interpolation="bilinear")
    caption = (
        "The most wrong (upper half) and the most sure examples with the answer and what the picture is; below each, bright: what "
        "speaks for the answer (Grad-CAM)."
    )
    return [Picture("What speaks for the answer", caption, figure)]


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


def heat_maps(model: keras.Model, names: list[str], temperature: float) -> list[Picture]:
    """Draws scikit-learn's two photographs and, beside each, where the network sees the three classes it sees most."""
    maps, size = fully_convolutional(model), model.input_shape[1]
    figure = Figure(figsize=(8, 3.2))
    for row, photograph in enumerate(load_sample_images().images):
        height, width, _ = photograph.shape
        sides = [round(side * 4 * size / min(height, width)) for side in (height, width)]
        picture = tf.cast(tf.clip_by_value(tf.image.resize(photograph, sides, antialias=True), 0, 255), tf.uint8)
        found = np.asarray(heat_map(maps, picture[None], temperature))[0]
        panels = [("picture", picture.numpy(), {})]
        for number in found.mean(axis=(0, 1)).argsort()[::-1][:3]:
            panels.append((names[number], found[..., number], {"vmin": 0, "vmax": 1, "cmap": "viridis"}))
        for place, (title, values, options) in enumerate(panels):
            axes = figure.add_subplot(2, 4, 4 * row + place + 1)
            axes.imshow(values, **options)
            axes.set_title(title, fontsize=8, parse_math=False)
            axes.axis("off")
    figure.tight_layout()
    caption = (
        f"The network in fully convolutional form on china.jpg and flower.jpg of scikit-learn, shorter side {4 * size} pixels: the "
        f"probability of the three classes with the highest mean, for windows of {size} pixels; blue 0, yellow 1."
    )
    return [Picture("Class heat maps", caption, figure)]


def costs(model: keras.Model) -> Table:
    """Returns output size, receptive field, weights and multiply-adds of every layer, and their sums."""
    rows = layer_costs(model)
    table = [
        [
            row.name,
            row.kind,
            f"{row.state.height} x {row.state.width} x {row.state.channels}",
            row.state.receptive_field,
            row.state.stride,
            f"{row.parameters:,}",
            f"{row.state.multiply_adds:,}",
        ]
        for row in rows
    ]
    total = sum(row.state.multiply_adds for row in rows)
    table.append(["sum", "", "", "", "", f"{sum(row.parameters for row in rows):,}", f"{total:,}"])
    columns = ["layer", "kind", "output", "receptive field", "stride", "weights", "multiply-adds"]
    caption = (
        "For one picture. Output size Q = floor((M + 2P - K) / S) + 1; receptive field and stride in pixels of the input; "
        "convolutions and matrix products are counted."
    )
    return Table("Cost of each layer", caption, columns, table)
