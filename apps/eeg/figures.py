"""The pictures and tables of an EEG report."""

from __future__ import annotations

import dataclasses
from typing import Any

import mne
import numpy as np
from matplotlib.figure import Figure

from apps.eeg import data
from apps.eeg.baselines import ridge
from apps.eeg.config import Config
from apps.eeg.folds import fold_names
from harness import classification
from harness.app import Predictions, Prepared
from harness.sections import Picture, Table
from harness.statistics import wilson

MAPS_A_ROW = 8


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    sections = [
        subject_bars(config, spec, predictions),
        *classification.sections(predictions["labels"], predictions["probabilities"], spec["class_names"]),
        amplitude_maps(spec, predictions),
        band_maps(config, spec, predictions),
        saliency_maps(spec, predictions),
        surest(spec, predictions),
    ]
    return [section for section in sections if section is not None]


def subject_bars(config: Config, spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws every subject's accuracy with its interval, ridge regression's beside it."""
    subjects = predictions["subjects"]
    people = sorted(set(subjects.tolist()))
    right = predictions["probabilities"].argmax(axis=1) == predictions["labels"]
    counts = np.array([(subjects == name).sum() for name in people])
    own = np.array([right[subjects == name].sum() for name in people])
    figure = Figure(figsize=(max(5.0, 0.55 * len(people) + 2), 4.2), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(people))
    bounds = np.array([wilson(int(k), int(n)) for k, n in zip(own, counts, strict=True)])
    beside = _ridge_by_subject(config, spec)
    width = 0.4 if beside else 0.7
    errors = np.abs(bounds.T - own / counts)
    axes.bar(
        places - (width / 2 if beside else 0),
        own / counts,
        width,
        yerr=errors,
        color="#2563eb",
        ecolor="#93c5fd",
        capsize=2,
        label="this model",
    )
    if beside:
        axes.bar(
            places + width / 2,
            [beside.get(name, np.nan) for name in people],
            width,
            color="#d1d5db",
            label="ridge regression",
        )
    chance = 1 / len(spec["class_names"])
    axes.axhline(chance, color="#6b7280", linestyle="--", linewidth=1, label=f"chance ({chance:.0%})")
    axes.set_xticks(places, people, rotation=60, ha="right", fontsize=8)
    axes.set(ylabel="accuracy", ylim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3, fontsize=8, frameon=False)
    caption = "Share of each test subject's trials answered rightly, with 95 % intervals; nobody was in their own training data."
    return Picture("Subjects", caption, figure)


def _ridge_by_subject(config: Config, spec: dict[str, Any]) -> dict[str, float]:
    """Returns subject -> accuracy of ridge regression on the same folds; empty for data the model was not trained on."""
    if config.data.source != spec["source"] or config.data.fold == "all":
        return {}
    result = {}
    for fold in fold_names(config.data) or [config.data.fold]:
        chosen = dataclasses.replace(config.data, fold=fold, limit=None)
        splits = data.split(data.read(chosen), chosen)
        answers = ridge(spec, data.all_but_test(splits), splits["test"])
        right = answers["probabilities"].argmax(axis=1) == answers["labels"]
        result |= {name: float(right[answers["subjects"] == name].mean()) for name in set(answers["subjects"].tolist())}
    return result


def amplitude_maps(spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws the mean amplitude of every class over time on the scalp."""
    amplitude, labels = predictions["amplitude"], predictions["labels"]
    frames = np.linspace(0, amplitude.shape[1] - 1, min(MAPS_A_ROW, amplitude.shape[1])).astype(int)
    seconds = spec["samples"] / spec["sample_rate"]
    rows = {
        name: amplitude[labels == place].mean(axis=0)[frames]
        for place, name in enumerate(spec["class_names"])
        if (labels == place).any()
    }
    titles = [f"{1000 * seconds * (frame + 0.5) / amplitude.shape[1]:.0f} ms" for frame in frames]
    limit = float(np.percentile(np.abs(np.concatenate(list(rows.values()))), 99)) or 1.0
    figure = _maps(rows, titles, spec, [(-limit, limit)] * len(frames), "RdBu_r", "µV")
    caption = "Mean amplitude over the test trials of each class at the time since the recording's beginning, average reference; nose at the top."
    return Picture("Amplitude on the scalp", caption, figure)


def band_maps(config: Config, spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws the power of every band and class on the scalp."""
    power, labels = predictions["band_power"], predictions["labels"]
    decibels = 10 * np.log10(np.maximum(power, 1e-6))
    overall = decibels.mean(axis=0)
    rows = {
        name: decibels[labels == place].mean(axis=0) - overall
        for place, name in enumerate(spec["class_names"])
        if (labels == place).any()
    }
    titles = [f"{low:g}-{high:g} Hz" for low, high in config.features.bands]
    stacked = np.stack(list(rows.values()))
    limits = [float(np.abs(stacked[:, band]).max()) or 1.0 for band in range(stacked.shape[1])]
    figure = _maps(rows, titles, spec, [(-limit, limit) for limit in limits], "RdBu_r", "dB")
    caption = "Power of each band in each class against the mean over all test trials; every column has its own scale."
    return Picture("Band power on the scalp", caption, figure)


def saliency_maps(spec: dict[str, Any], predictions: Predictions) -> Picture:
    """Draws where on the scalp the score of the true class depends on the recording."""
    saliency, labels = predictions["saliency"], predictions["labels"]
    rows = {
        "": np.stack(
            [
                saliency[labels == place].mean(axis=0)
                for place in range(len(spec["class_names"]))
                if (labels == place).any()
            ]
        )
    }
    titles = [name for place, name in enumerate(spec["class_names"]) if (labels == place).any()]
    top = float(rows[""].max()) or 1.0
    figure = _maps(rows, titles, spec, [(0.0, top)] * len(titles), "viridis", "")
    caption = (
        "Norm of the gradient of the true class's score over time at each electrode, mean over the test trials of the class: "
        "how much a small change there would move the answer."
    )
    return Picture("Saliency on the scalp", caption, figure)


def _maps(
    rows: dict[str, np.ndarray],
    titles: list[str],
    spec: dict[str, Any],
    limits: list[tuple[float, float]],
    colours: str,
    unit: str,
) -> Figure:
    """Draws a grid of scalp maps; rows name -> [columns, electrodes]."""
    names = [spec["electrodes"][place] for place in spec["scalp"]]
    info = mne.create_info(names, spec["sample_rate"], "eeg", verbose="ERROR")
    places = dict(zip(names, np.array(spec["positions"]), strict=True))
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"), verbose="ERROR")
    radius = float(np.median(np.linalg.norm(spec["positions"], axis=1)))
    figure = Figure(figsize=(1.25 * len(titles) + 1.6, 1.45 * len(rows) + 0.5), layout="constrained")
    grid = figure.subplots(len(rows), len(titles), squeeze=False)
    for row, (name, values) in enumerate(rows.items()):
        for column, title in enumerate(titles):
            axes = grid[row, column]
            image, _ = mne.viz.plot_topomap(
                values[column],
                info,
                axes=axes,
                show=False,
                cmap=colours,
                vlim=limits[column],
                contours=0,
                sensors=False,
                sphere=(0, 0, 0, radius),
            )
            if row == 0:
                axes.set_title(title, fontsize=8)
            if column == 0 and name:
                axes.set_ylabel(name, fontsize=8)
    if unit and len(set(limits)) == 1:
        figure.colorbar(image, ax=grid.ravel().tolist(), shrink=0.6, label=unit)
    elif unit:
        for column in range(len(titles)):
            figure.colorbar(
                grid[-1, column].images[0], ax=grid[-1, column], orientation="horizontal", shrink=0.8, label=unit
            )
    return figure


def surest(spec: dict[str, Any], predictions: Predictions) -> Table:
    """Lists the trials answered rightly with most certainty and those answered wrongly with most."""
    probabilities, labels, names = predictions["probabilities"], predictions["labels"], spec["class_names"]
    answers = probabilities.argmax(axis=1)
    order = np.argsort(-probabilities.max(axis=1))
    best, worst = order[answers[order] == labels[order]][:5], order[answers[order] != labels[order]][:5]
    rows = [
        [
            kind,
            str(predictions["subjects"][i]),
            names[labels[i]],
            names[answers[i]],
            f"{probabilities[i, answers[i]]:.0%}",
        ]
        for kind, chosen in (("right", best), ("wrong", worst))
        for i in chosen
    ]
    return Table(
        "Surest answers",
        "Test trials answered with most certainty.",
        ["", "subject", "class", "answer", "probability"],
        rows,
    )
