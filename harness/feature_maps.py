"""What the first convolutions of a network look for in a picture, drawn."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from matplotlib.figure import Figure

from harness.sections import Picture

COLUMNS = 8
SHOWN = 32
"""Filters or maps of a layer, at most, in a figure."""
SHALLOW = 2
"""Layers whose maps are shown."""


def feature_maps(model: keras.Model, image: np.ndarray) -> Iterator[Picture]:
    """Draws what the first convolutions make of one picture, [height, width] or [height, width, channels]."""
    for number, layer in enumerate(first_convolutions(model), 1):
        part = keras.Model(model.input, layer.output)
        maps = np.asarray(part(image[None].astype(np.float32)))[0]
        height, width, count = maps.shape
        caption = (
            f"What convolution {number} makes of the most wrong picture: {drawn(count)} maps of {height} x {width}."
        )
        yield Picture(f"Maps of convolution {number}", caption, tiles(np.moveaxis(maps, -1, 0)))


def first_convolutions(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the first two layers with a trained kernel [height, width, inputs, outputs]."""
    layers = [layer for layer in model.layers if layer.trainable_weights and layer.trainable_weights[0].ndim == 4]
    return layers[:SHALLOW]


def drawn(count: int) -> str:
    """Returns how many of so many pictures `tiles` draws, e.g. "the first 32 of 64"."""
    return f"{count}" if count <= SHOWN else f"the first {SHOWN} of {count}"


def tiles(pictures: np.ndarray, signed: bool = False) -> Figure:
    """Draws pictures [n, height, width], each over its own range; `signed`: around zero."""
    pictures = pictures[:SHOWN]
    rows = -(-len(pictures) // COLUMNS)
    figure = Figure(figsize=(5.6, 0.72 * rows + 0.1))
    for place, picture in enumerate(pictures):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        largest = np.abs(picture).max()
        scale = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest} if signed else {"cmap": "gray"}
        axes.imshow(picture, **scale)
        axes.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99, wspace=0.12, hspace=0.12)
    return figure
