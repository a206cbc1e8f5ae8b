"""The evaluation report: one self-contained report.html a run, and runs/index.html over all of them."""

from __future__ import annotations

import base64
import io
import sys
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import numpy as np
import pandas
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from harness import results, runs
from harness.app import Headline
from harness.formatting import direction, metric_interval, metric_name, metric_value, minutes_on, number
from harness.sections import Picture, Sound, Table, Text

LARGEST_SVG = 300_000
"""Bytes; a figure with more drawing than that is embedded as pixels."""
TRAINING, VALIDATION = "#2563eb", "#d97706"

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
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
    """As in metrics.json: name -> value, unit, examples, interval95."""
    baselines: Mapping[str, Mapping[str, Mapping[str, Any]]]
    """Baseline -> its metrics."""
    sections: Sequence[Any]
    """harness.sections, in order."""
    history: pandas.DataFrame | Mapping[str, pandas.DataFrame]
    """history.csv; several where there are several phases or folds, by name."""
    counts: Mapping[str, int]
    """Split -> examples."""
    dropped: Mapping[str, int]
    """Reason -> examples left out."""
    notes: Sequence[str]
    source: Mapping[str, Any]
    """The fields of harness.app.Source."""
    config: Mapping[str, Any]
    """Of harness.settings.to_dict."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    train_minutes: float | None = None
    command: str = ""
    left_out: Sequence[tuple[str, str]] = ()
    """File or row, and the reason."""


def render(folder: Path, run: RunReport) -> Path:
    """Writes report.html into `folder` and returns its path. Nothing in it comes from the network; all text is escaped."""
    path = folder / "report.html"
    html = _templates.get_template("report.html.j2").render(
        run=run,
        headline=_shown(run.headline.metric, run.metrics[run.headline.metric]),
        comparison=_comparison(run),
        facts=_facts(run),
        metrics=[_row(name, metric, run.baselines) for name, metric in run.metrics.items()],
        baselines=[_spelt(name) for name in run.baselines],
        sections=[_section(section) for section in run.sections],
        curves=[(name, [_section(panel) for panel in panels]) for name, panels in learning_curves(run)],
        dropped={reason: count for reason, count in run.dropped.items() if count},
        config=list(_flat(run.config)),
        environment=list(_flat(run.environment)),
    )
    runs.write_text(path, html)
    return path


def render_page(path: Path, title: str, sections: Sequence[Any]) -> Path:
    """Writes a page of harness.sections that is no run's report, such as a comparison of runs; self-contained, text escaped."""
    shown = [_section(section) for section in sections]
    runs.write_text(path, _templates.get_template("page.html.j2").render(title=title, sections=shown))
    return path


def render_index(runs_folder: Path) -> Path:
    """Writes index.html over all finished runs of `runs_folder` and returns its path."""
    rows = []
    for folder, document in results.finished_runs(runs_folder):
        name = document["headline"]
        report = folder / "report.html"
        rows.append(
            {
                **_shown(name, document["metrics"][name]),
                "document": document,
                "examples": f"{document['dataset']['examples']:,}",
                "minutes": minutes_on(document["train_minutes"], document["machine"].get("gpu")),
                "folder": folder.parent.name,
                "link": report.relative_to(runs_folder).as_posix() if report.exists() else "",
            }
        )
    path = runs_folder / "index.html"
    runs.write_text(path, _templates.get_template("index.html.j2").render(rows=rows))
    return path


def learning_curves(run: RunReport) -> list[tuple[str, list[Picture]]]:
    """Returns, for each phase or fold, a panel for every quantity of its history, training and validation together.

    The epoch whose weights were kept, by `training.monitor`, is marked.
    """
    histories = run.history if isinstance(run.history, Mapping) else {"": run.history}
    answer = []
    for name, history in histories.items():
        columns = [column for column in history.columns if column != "epoch"]
        quantities = list(dict.fromkeys(column.removeprefix("val_") for column in columns))
        quantities.sort(key=lambda quantity: (quantity == "learning_rate", quantity != "loss"))
        best = _best_epoch(history, run.config.get("training", {}))
        answer.append((name, [_panel(history, quantity, best) for quantity in quantities if len(history)]))
    return answer


def _best_epoch(history: pandas.DataFrame, training: Mapping[str, Any]) -> int | None:
    monitor = training.get("monitor")
    if training.get("keep") == "last" or monitor not in history or history[monitor].isna().all():
        return None
    column = history[monitor]
    row = column.idxmin() if training.get("monitor_mode", "min") == "min" else column.idxmax()
    return int(history["epoch"][row])


def _panel(history: pandas.DataFrame, quantity: str, best: int | None) -> Picture:
    figure = Figure(figsize=(4.6, 2.9), layout="constrained")
    axes = figure.add_subplot()
    drawn = []
    for column, label, colour in ((quantity, "training", TRAINING), (f"val_{quantity}", "validation", VALIDATION)):
        if column not in history:
            continue
        measured = history[["epoch", column]].dropna()
        style = "o-" if len(measured) <= 15 else "-"
        axes.plot(measured["epoch"], measured[column], style, label=label, color=colour, linewidth=1.6, markersize=3.5)
        drawn.append(measured[column].to_numpy(float))
    if best is not None and quantity != "learning_rate":
        axes.axvline(best, color="#6b7280", linestyle=":", linewidth=1.2, label=f"kept: epoch {best}", zorder=0)
    values = np.concatenate(drawn) if drawn else np.ones(1)
    if values.size and values.min() > 0 and values.max() > 30 * values.min() and quantity != "learning_rate":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("epoch", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=8.5, color="#9ca3af")
    axes.grid(color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9ca3af")
    if quantity != "learning_rate":
        axes.legend(fontsize=8, frameon=False)
    return Picture(metric_name(quantity), "", figure)


def _shown(name: str, metric: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": metric_name(name),
        "direction": direction(name),
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


def _comparison(run: RunReport) -> list[dict[str, Any]]:
    """Places the headline metric of the model and of every baseline on one scale, in percent of its width."""
    name = run.headline.metric
    measured = {"this model": run.metrics[name]}
    measured |= {_spelt(label): metrics[name] for label, metrics in run.baselines.items() if name in metrics}
    if len(measured) == 1:
        return []
    ends = [end for metric in measured.values() for end in (metric["value"], *(metric.get("interval95") or ()))]
    low, width = min(ends), (max(ends) - min(ends)) or 1.0

    def place(value: float) -> float:
        return round(3 + 94 * (value - low) / width, 2)

    rows = []
    for label, metric in measured.items():
        bounds = [place(bound) for bound in metric.get("interval95") or (metric["value"], metric["value"])]
        rows.append({"label": label, **_shown(name, metric), "place": place(metric["value"]), "bounds": bounds})
    return rows


def _facts(run: RunReport) -> list[tuple[str, str]]:
    facts = [(f"{split} examples", f"{count:,}") for split, count in run.counts.items()]
    if run.parameters is not None:
        facts.append(("parameters", f"{run.parameters:,}"))
    if run.train_minutes is not None:
        gpu = run.environment.get("machine", {}).get("gpu")
        facts.append(("training time", minutes_on(run.train_minutes, gpu)))
    return facts


def _section(section: Any) -> dict[str, Any]:
    kind = type(section).__name__
    if not isinstance(section, Picture | Table | Sound | Text):
        raise TypeError(f"a report shows Picture, Table, Sound and Text, not {kind}")
    shown = {"title": section.title, "caption": getattr(section, "caption", ""), "kind": kind.lower()}
    match section:
        case Picture():
            shown |= _embedded(section.figure)
        case Table():
            rows = [[_cell(value) for value in row] for row in section.rows]
            # The first column names the row, also where names are digits.
            numeric = [
                place > 0 and all(_is_number(row[place]) for row in section.rows)
                for place in range(len(section.columns))
            ]
            shown |= {"columns": list(zip(section.columns, numeric, strict=True)), "rows": rows, "numeric": numeric}
        case Sound():
            shown["source"] = "data:audio/wav;base64," + _wav(section.waveform, section.sample_rate)
        case Text():
            shown["caption"] = section.text
    return shown


def _embedded(figure: Figure) -> dict[str, Any]:
    """Returns the figure as an image that carries its own data: vectors, or pixels where those would be large."""
    width = figure.get_size_inches()[0]
    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        data, kind = _drawn(figure, "svg", metadata={"Date": None}), "svg+xml"
        if len(data) > LARGEST_SVG:
            data, kind = _drawn(figure, "png", dpi=min(160, 1800 / width)), "png"
    figure.clear()
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return {"source": source, "width": round(80 * width), "least_width": round(60 * width)}


def _drawn(figure: Figure, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, facecolor="white", **options)
    return stream.getvalue()


def _wav(waveform: Any, sample_rate: int) -> str:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
    return base64.b64encode(stream.getvalue()).decode()


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return number(float(value))
    return f"{value:,}" if isinstance(value, int | np.integer) else "" if value is None else str(value)


def _is_number(value: Any) -> bool:
    """Tells whether a cell holds a number, with "%" or "dB" behind it perhaps."""
    try:
        float(str(value).removesuffix(" dB").removesuffix("%").replace(",", "") or 0)
    except ValueError:
        return False
    return True


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, list | tuple):
            yield above + name, ", ".join(map(str, value))
        else:
            yield above + name, "none" if value is None else str(value)


def _spelt(name: str) -> str:
    return name.replace("_", " ")


if __name__ == "__main__":
    print(f"report: {render_index(runs.RUNS)}", file=sys.stderr)
