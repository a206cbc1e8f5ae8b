"""The pictures and tables of a captioning report."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from apps.captioning import caption_scores
from apps.captioning.config import Config
from apps.captioning.evaluate import references_of
from harness.app import Predictions, Prepared
from harness.sections import Picture, Table

COLUMNS = 3
GALLERY = 6
EXPLAINED = 2
WORDS_SHOWN = 12
SAMPLE = 20


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    references = references_of(predictions)
    scores = caption_scores.cider_d([str(text) for text in predictions["hypothesis"]], references)
    count = min(GALLERY, len(predictions["shown"]) // 2 or 1)
    best, worst = np.arange(count), np.arange(len(predictions["shown"]))[::-1][:count]
    return [
        _gallery("Best captions", "highest", best, predictions, references, scores),
        _gallery("Worst captions", "lowest", worst, predictions, references, scores),
        *(_attention(place, predictions) for place in [*best[: EXPLAINED - 1], *worst[:1]]),
        _lengths(predictions, references),
        _sample(predictions, references, scores),
        _repeated(predictions),
    ]


def _gallery(title: str, extreme: str, places: np.ndarray, predictions: Predictions, references: Any, scores: Any):
    rows = -(-len(places) // COLUMNS)
    figure = Figure(figsize=(6.5, 3.1 * rows), layout="constrained")
    for number, place in enumerate(places):
        index = predictions["shown"][place]
        axes = figure.add_subplot(rows, COLUMNS, number + 1)
        axes.imshow(predictions["shown_pictures"][place])
        axes.axis("off")
        lines = [*_wrapped(str(predictions["hypothesis"][index])), *_wrapped(f"({references[index][0]})")]
        text = "\n".join([*lines, f"CIDEr-D {scores[index]:.2f}"])
        axes.text(0.5, -0.03, text, transform=axes.transAxes, ha="center", va="top", fontsize=7, parse_math=False)
    caption = f"The pictures whose captions score the {extreme} CIDEr-D; in brackets the first reference."
    return Picture(title, caption, figure)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 32) or ["(nothing)"]


def _attention(place: int, predictions: Predictions) -> Picture:
    index = predictions["shown"][place]
    picture, caption = predictions["shown_pictures"][place], str(predictions["hypothesis"][index])
    maps = predictions["shown_attention"][place].astype(np.float32)
    side = round(maps.shape[1] ** 0.5)
    words = caption.split()[: min(WORDS_SHOWN, len(maps))]
    columns = 5
    rows = -(-(len(words) + 1) // columns)
    figure = Figure(figsize=(6.5, 1.5 * rows), layout="constrained")
    height, width = picture.shape[:2]
    for number in range(len(words) + 1):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.axis("off")
        axes.imshow(picture if number == 0 else picture.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        if number:
            looked = maps[number - 1].reshape(side, side)
            extent = (-0.5, width - 0.5, height - 0.5, -0.5)
            axes.imshow(looked, cmap="inferno", alpha=0.6, extent=extent, interpolation="bilinear", vmin=0)
            axes.set_title(words[number - 1], fontsize=7, parse_math=False)
    return Picture(
        f"Where the decoder looked: {caption}",
        "One map for each word, bright where the attention is large; each map has its own scale.",
        figure,
    )


def _lengths(predictions: Predictions, references: list[list[str]]) -> Picture:
    generated = [len(str(text).split()) for text in predictions["hypothesis"]]
    written = [len(reference.split()) for group in references for reference in group]
    bins = np.arange(0, max(*generated, *written, 1) + 2) - 0.5
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(written, bins, density=True, alpha=0.6, label="references", color="#8a8d91")
    axes.hist(generated, bins, density=True, histtype="step", linewidth=2, label="generated", color="#b3261e")
    axes.set_xlabel("words in a caption")
    axes.set_ylabel("share")
    axes.legend()
    return Picture("Length of captions", "Generated captions and all references of the same pictures.", figure)


def _sample(predictions: Predictions, references: list[list[str]], scores: np.ndarray) -> Table:
    chosen = np.linspace(0, len(scores) - 1, min(SAMPLE, len(scores))).astype(int)
    rows = [
        [str(predictions["name"][i]), str(predictions["hypothesis"][i]), references[i][0], round(float(scores[i]), 2)]
        for i in chosen
    ]
    return Table(
        "A sample", "Pictures at equal distances in the list.", ["picture", "generated", "reference", "CIDEr-D"], rows
    )


def _repeated(predictions: Predictions) -> Table:
    captions, counts = np.unique(predictions["hypothesis"], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:10]
    rows = [[str(captions[i]), int(counts[i])] for i in order]
    caption = f"{len(captions):,} different captions for {counts.sum():,} pictures; these came most often."
    return Table("Repeated captions", caption, ["caption", "pictures"], rows)
