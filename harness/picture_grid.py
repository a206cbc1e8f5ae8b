"""Small pictures in rows, each under a title."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from harness.sections import Picture

RIGHT, WRONG = "#1d6b35", "#b3261e"


def picture_grid(
    title: str,
    caption: str,
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    right: Sequence[bool] | None = None,
    columns: int = 8,
) -> Picture:
    """Draws pictures uint8 [height, width] or [height, width, 3] in rows of `columns`; titles are green where right, else red."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(8, 1.4 * rows))
    for place, (image, text) in enumerate(zip(images, titles, strict=True)):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        colour = "black" if right is None else RIGHT if right[place] else WRONG
        axes.set_title(text, fontsize=6.5, color=colour, parse_math=False)
        axes.axis("off")
    figure.tight_layout()
    return Picture(title, caption, figure)
