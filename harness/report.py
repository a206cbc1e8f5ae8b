"""The evaluation report: one self-contained report.html a run, and runs/index.html over all of them."""

from __future__ import annotations

import base64
import io
import json
import sys
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas
from matplotlib.figure import Figure

from harness import results, runs
from harness.app import Headline
from harness.formatting import metric_interval, metric_name, metric_value, minutes
from harness.sections import Picture, Sound, Table, Text

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class RunReport:
    """All that a report shows."""

    app: str
    preset: str
    title: str
    catalogue: str
    literature: str
    headline: Headline
    metrics: Mapping[str, Mapping[str, Any]]
    baselines: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sections: Sequence[Any]
    history: pandas.DataFrame
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    notes: Sequence[str]
    source: Mapping[str, Any]
    config: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)


def render(folder: Path, run: RunReport) -> Path:
    """Writes report.html into `folder` and returns its path. Nothing in it comes from the network; all text is escaped."""
    sections = [*run.sections, *learning_curves(run.history)]
    html = _templates.get_template("report.html.j2").render(
        run=run,
        headline=_shown(run.headline.metric, run.metrics[run.headline.metric]),
        metrics=[_row(name, metric, run.baselines) for name, metric in run.metrics.items()],
        baselines=[name.replace("_", " ") for name in run.baselines],
        sections=[_section(section) for section in sections],
        config=json.dumps(run.config, indent=1, ensure_ascii=False),
        environment=json.dumps(run.environment, indent=1, ensure_ascii=False),
    )
    path = folder / "report.html"
    runs.write_text(path, html)
    return path


def _shown(name: str, metric: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": metric_name(name),
        "value": metric_value(name, metric["value"], metric["unit"]),
        "interval": metric_interval(name, metric.get("interval95"), metric["unit"]),
        "examples": f"{metric['examples']:,}",
    }


def _row(name: str, metric: Mapping[str, Any], baselines: Mapping[str, Any]) -> dict[str, Any]:
    others = [
        metric_value(name, measured[name]["value"], measured[name]["unit"]) if name in measured else ""
        for measured in baselines.values()
    ]
    return {**_shown(name, metric), "baselines": others}


def learning_curves(history: pandas.DataFrame) -> list[Picture]:
    """Returns the picture of every measured quantity against the epoch, training and validation together."""
    names = [name for name in history.columns if name not in ("epoch",) and not name.startswith("val_")]
    if not names or not len(history):
        return []
    figure = Figure(figsize=(8, 2.6 * ((len(names) + 1) // 2)))
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot((len(names) + 1) // 2, 2, place)
        axes.plot(history["epoch"], history[name], label="training", color="#2563eb")
        if f"val_{name}" in history:
            measured = history[["epoch", f"val_{name}"]].dropna()
            axes.plot(measured["epoch"], measured[f"val_{name}"], label="validation", color="#d97706")
            axes.legend(fontsize=8, frameon=False)
        axes.set_title(metric_name(name), fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
    figure.tight_layout()
    return [
        Picture("Learning curves", "Training figures are means over the epoch, with dropout and augmentation.", figure)
    ]


def _section(section: Any) -> dict[str, Any]:
    shown = {"title": section.title, "caption": getattr(section, "caption", ""), "kind": type(section).__name__.lower()}
    match section:
        case Picture():
            shown["source"] = "data:image/png;base64," + _png(section.figure)
        case Table():
            shown |= {"columns": section.columns, "rows": [[_cell(value) for value in row] for row in section.rows]}
        case Sound():
            shown["source"] = "data:audio/wav;base64," + _wav(section.waveform, section.sample_rate)
        case Text():
            shown["caption"] = section.text
        case _:
            raise TypeError(f"a report shows Picture, Table, Sound and Text, not {type(section).__name__}")
    return shown


def _png(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, bbox_inches="tight", facecolor="white")
    return base64.b64encode(stream.getvalue()).decode()


def _wav(waveform: Any, sample_rate: int) -> str:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
    return base64.b64encode(stream.getvalue()).decode()


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int | np.integer) and not isinstance(value, bool) else str(value)


def render_index(runs_folder: Path) -> Path:
    """Writes index.html over all finished runs of `runs_folder` and returns its path."""
    rows = []
    for folder, document in results.finished_runs(runs_folder):
        name = document["headline"]
        rows.append(
            {
                **_shown(name, document["metrics"][name]),
                "document": document,
                "minutes": minutes(document["train_minutes"]),
                "link": (folder / "report.html").relative_to(runs_folder).as_posix(),
            }
        )
    path = runs_folder / "index.html"
    runs.write_text(path, _templates.get_template("index.html.j2").render(rows=rows))
    return path


if __name__ == "__main__":
    print(f"report: {render_index(runs.RUNS)}", file=sys.stderr)
