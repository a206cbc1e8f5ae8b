"""The pictures of a denoising report."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from apps.denoising.config import Config
from apps.denoising.data import fixed_pictures
from apps.denoising.filters import bm3d_wanted, cleaned_by_filters
from apps.denoising.image_quality import qualities
from harness.app import Predictions, Prepared
from harness.sections import Picture, Text


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    sections = [examples(predictions), levels(predictions, spec["sigma"]), histogram(predictions)]
    if prepared is not None:
        sections.insert(0, beside_filters(config, spec, prepared.splits["test"], predictions))
        if config.data.source != "demo" and not bm3d_wanted(config.data.source):
            sections.insert(1, Text("BM3D", NO_BM3D))
    return sections


NO_BM3D = (
    "BM3D is not among the bars: the package bm3d is not installed. pip install -r requirements-eval.txt adds it; its "
    "licence allows non-commercial use only."
)


def beside_filters(config: Config, spec: dict[str, Any], split: Any, predictions: Predictions) -> Picture:
    """Draws the mean PSNR of the network and of every filter on the fixed pictures as bars."""
    fixed = fixed_pictures(split, config.data.seed)
    with_bm3d = bm3d_wanted(config.data.source)
    answers = cleaned_by_filters(fixed.clean, fixed.noisy(spec["sigma"]), spec["sigma"] / 255.0, with_bm3d)
    clean = fixed.clean / np.float32(255.0)
    psnr = {name.replace("_", " "): qualities(clean, cleaned)["psnr_db"].mean() for name, cleaned in answers.items()}
    psnr["this network"] = predictions["fixed_psnr_db"].mean()
    names = sorted(psnr, key=psnr.get)
    figure = Figure(figsize=(7, 0.4 * len(names) + 0.8))
    axes = figure.add_subplot()
    colours = ["#1d6b35" if name == "this network" else "#7a8794" for name in names]
    bars = axes.barh(names, [psnr[name] for name in names], color=colours)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_xlim(min(psnr.values()) - 2, max(psnr.values()) + 1.5)
    axes.set_xlabel("mean PSNR in dB (higher is better)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    caption = (
        f"{len(fixed.indices)} fixed test pictures with the same noise, standard deviation {spec['sigma']:g}/255. Every filter but "
        "BM3D works with the setting that serves it best on these very pictures; BM3D is told the true noise level."
    )
    return Picture("Beside classical filters", caption, figure)


def examples(predictions: Predictions) -> Picture:
    """Draws noisy, cleaned and clean pictures, those cleaned best on the left and worst on the right."""
    index = predictions["shown_index"]
    columns = min(16, len(index))
    figure = Figure(figsize=(10, 0.25 + 10 / columns * 3.4))
    for column in range(columns):
        for row, name in enumerate(("noisy", "cleaned", "clean")):
            axes = figure.add_subplot(3, columns, row * columns + column + 1)
            picture = predictions[f"shown_{name}"][column]
            axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(name, fontsize=9)
            if row == 0:
                axes.set_title(f"{predictions['fixed_psnr_db'][index[column]]:.1f}", fontsize=9)
    figure.tight_layout(pad=0.4)
    caption = (
        f"Of the {len(predictions['fixed_index'])} fixed test pictures those cleaned best (left) and worst (right); the number "
        "is the cleaned picture's PSNR in dB."
    )
    return Picture("Best and worst", caption, figure)


def levels(predictions: Predictions, sigma: float) -> Picture:
    """Draws mean PSNR against the noise level."""
    figure = Figure(figsize=(6, 3.6))
    axes = figure.add_subplot()
    axes.plot(predictions["levels"], predictions["level_psnr_db"].mean(axis=0), "o-", color="#1d6b35", label="cleaned")
    axes.plot(
        predictions["levels"], predictions["level_noisy_psnr_db"].mean(axis=0), "o--", color="#7a8794", label="noisy"
    )
    axes.axvline(sigma, color="#b3261e", linewidth=1, linestyle=":", label="trained at")
    axes.set_xlabel("standard deviation of the noise, units of 1/255")
    axes.set_ylabel("mean PSNR in dB")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    caption = f"The fixed test pictures at other noise levels; the network saw {sigma:g}/255 only."
    return Picture("Other noise levels", caption, figure)


def histogram(predictions: Predictions) -> Picture:
    """Draws how PSNR is spread over the test pictures, noisy and cleaned."""
    figure = Figure(figsize=(6, 3))
    axes = figure.add_subplot()
    axes.hist(predictions["noisy_psnr_db"], 40, color="#7a8794", label="noisy")
    axes.hist(predictions["psnr_db"], 40, color="#1d6b35", alpha=0.8, label="cleaned")
    axes.set_xlabel("PSNR in dB")
    axes.set_ylabel("pictures")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return Picture("Spread over the test pictures", f"All {len(predictions['psnr_db']):,} test pictures.", figure)
