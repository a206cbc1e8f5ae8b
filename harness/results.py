"""From finished runs to the figures that are kept: metrics.json, results/<app>/<preset>.json and the README tables."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import runs
from harness.app import Headline, Metric, Source
from harness.formatting import metric_interval, metric_name, metric_text, metric_value, minutes_on
from harness.settings import Preset, identity
from harness.staleness import changed_since, network_files
from harness.statistics import standard_error

REFERENCE_GFLOPS = 400
"""Speed in a float32 matrix product at which a wall minute is a reference minute."""
TIME_NOTE = (
    f"\\* reference minutes of training ({REFERENCE_GFLOPS} GFLOP/s in a float32 matrix product); "
    "where a GPU is named, wall minutes on it."
)
REQUIRED = ("app", "preset", "title", "headline", "lower_is_better", "dataset", "seed", "metrics")


def metrics_document(
    *,
    app: str,
    preset: str,
    title: str,
    catalogue: str,
    literature: str,
    headline: Headline,
    source: Source,
    split: str,
    examples: int,
    seed: int,
    metrics: Mapping[str, Metric],
    baselines: Mapping[str, Mapping[str, Metric]],
    parameters: int,
    train_minutes: float,
    matmul_gflops: float | None,
    command: str,
    code: str,
    evaluated: str,
    machine: Mapping[str, Any],
    libraries: Mapping[str, str],
) -> dict[str, Any]:
    """Returns the content of metrics.json.

    Args:
        split: the one the metrics are measured on, with `examples` examples.
        matmul_gflops: of a float32 2048 x 2048 product in TensorFlow, median of before and after the run.
        code, evaluated: the commits at which it was trained and evaluated.

    Raises:
        ValueError: a metric that is not finite, or a headline that was not measured.
    """
    document = {
        "app": app,
        "preset": preset,
        "title": title,
        "catalogue": catalogue,
        "literature": literature,
        "headline": headline.metric,
        "lower_is_better": headline.lower_is_better,
        "dataset": {
            "name": source.name,
            "split": split,
            "examples": int(examples),
            "sha256": source.sha256,
            "synthetic": source.synthetic,
        },
        "seed": int(seed),
        "metrics": {name: _metric(name, metric) for name, metric in metrics.items()},
        "baselines": {
            baseline: {name: _metric(f"{baseline}: {name}", metric) for name, metric in measured.items()}
            for baseline, measured in baselines.items()
        },
        "parameters": int(parameters),
        "train_minutes": float(train_minutes),
        "reference_minutes": reference_minutes(train_minutes, matmul_gflops, machine),
        "matmul_gflops": None if matmul_gflops is None else float(matmul_gflops),
        "command": command,
        "code": code,
        "evaluated": evaluated,
        "machine": dict(machine),
        "libraries": dict(libraries),
    }
    _check(document)
    return document


def reference_minutes(train_minutes: float, matmul_gflops: float | None, machine: Mapping[str, Any]) -> float | None:
    """Returns wall minutes in reference minutes: a yardstick of CPUs, so None for a training on a GPU.

    Args:
        matmul_gflops: the machine's speed in a float32 matrix product, or None where it was not measured.
        machine: as `devices.environment()` describes it.
    """
    if matmul_gflops is None or machine.get("gpu"):
        return None
    return float(train_minutes * matmul_gflops / REFERENCE_GFLOPS)


def read_metrics(path: Path) -> dict[str, Any]:
    """Reads a metrics.json.

    Raises:
        ValueError: it is not what `metrics_document` makes.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _check(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a metrics.json ({error}); run `evaluate` again") from error
    return document


def finished_runs(runs_folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Returns (seed folder, metrics document) of every finished run, in the order of app, preset and seed."""
    found = [(path.parent, read_metrics(path)) for path in runs_folder.glob("*/*/seed-*/metrics.json")]
    return sorted(found, key=lambda run: (run[1]["app"], run[1]["preset"], run[0].parent.name, run[1]["seed"]))


def write_results(
    app: str, presets: Mapping[str, Preset], root: Path = runs.ROOT, runs_folder: Path | None = None
) -> list[Path]:
    """Writes results/<app>/<preset>.json for every preset that has finished runs, then the README tables.

    Runs whose settings differ from the preset's (other than seed and fold) lie in another folder and are left out; `demo`
    is no kept row. A row whose runs are not here is kept, and so are a row's seeds, unless settings, data or code have changed since.
    Every row's "stale" says what changed since it was measured. stderr names the seeds and baselines that a row loses.

    Returns:
        the files under results/.
    """
    runs_folder = runs.RUNS if runs_folder is None else runs_folder
    for name, preset in presets.items():
        settings = identity(preset.config)
        seeds = _seeds(runs_folder / app / f"{name}-{settings}")
        if seeds and name != "demo":
            path = root / "results" / app / f"{name}.json"
            network = network_files(seeds[0][0])
            documents = _with_kept_seeds([document for _, document in seeds], path, settings, network, preset, root)
            row = aggregate(documents)
            _tell_what_is_lost(app, path, row)
            runs.write_json(path, {**row, "settings": settings, "network": network, "documents": documents})
    written = sorted((root / "results" / app).glob("*.json"))
    for path in written:
        row = runs.read_json(path)
        runs.write_json(path, {**row, "stale": _stale(app, path.stem, row, presets, root)})
    update_readme(app, root)
    return written


def aggregate(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns one row of the results from the metrics documents of one preset, one a seed.

    Each metric's mean and standard error run over the seeds; the bounds of interval95 over examples are averaged. Times are
    means over the seeds that were trained on the first one's kind of device; "gpus" names every seed's.
    """
    documents = sorted(documents, key=lambda document: document["seed"])
    first = documents[0]
    for document in documents[1:]:
        if document["dataset"] != first["dataset"]:
            raise ValueError(
                f"{first['app']} {first['preset']}: seeds {first['seed']} and {document['seed']} were measured on different "
                "data; run both again"
            )
    gpus = [document["machine"].get("gpu") for document in documents]
    timed = [document for document, gpu in zip(documents, gpus, strict=True) if gpu == gpus[0]]
    names = [name for name in first["metrics"] if all(name in document["metrics"] for document in documents)]
    kept = ("app", "preset", "title", "catalogue", "literature", "headline", "lower_is_better", "dataset")
    return {
        **{name: first[name] for name in kept},
        "seeds": [document["seed"] for document in documents],
        "metrics": {name: _over_seeds([document["metrics"][name] for document in documents]) for name in names},
        "baselines": {
            baseline: {
                name: _mean(document["baselines"][baseline][name]["value"] for document in documents)
                for name in measured
            }
            for baseline, measured in first["baselines"].items()
        },
        "parameters": first["parameters"],
        "train_minutes": _mean(document["train_minutes"] for document in timed),
        "reference_minutes": _mean(document["reference_minutes"] for document in timed),
        "gpus": gpus,
        **{name: first[name] for name in ("command", "code", "machine", "libraries")},
        "trained": sorted({document["code"] for document in documents}),
        "evaluated": sorted({document.get("evaluated", document["code"]) for document in documents}),
    }


def read_results(root: Path, app: str | None = None) -> list[dict[str, Any]]:
    """Returns the kept rows of one app, or of all, in the order of app and file name."""
    pattern = f"{app}/*.json" if app else "*/*.json"
    return [runs.read_json(path) for path in sorted((root / "results").glob(pattern))]


def update_readme(app: str, root: Path = runs.ROOT) -> None:
    """Writes the app's rows into apps/<app>/README.md and all apps' rows into README.md, between their markers."""
    replace_between_marks(root / "apps" / app / "README.md", "results", results_table(read_results(root, app)))
    replace_between_marks(root / "README.md", "summary", summary_table(read_results(root)))


def results_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the Markdown table of one app: a row a preset."""
    head = ["row", "preset", "model", "data", "result, 95 % interval", "baselines", "literature", "weights", "time*"]
    body, notes = [], []
    for row in rows:
        mark = ""
        if row.get("stale"):
            notes.append(f"† `{row['preset']}` is older than the code: {_escaped(row['stale'])}.")
            mark = " †"
        body.append(
            [
                row["catalogue"],
                f"`{row['preset']}`{mark}",
                _escaped(row["title"]),
                _dataset(row["dataset"]),
                _headline(row),
                "; ".join(
                    _baseline(row, name) for name in row["baselines"] if row["headline"] in row["baselines"][name]
                ),
                _escaped(row["literature"]),
                f"{row['parameters']:,}",
                _time(row),
            ]
        )
    notes.insert(0, TIME_NOTE)
    return "\n\n".join([markdown_table(head, body), _lines(notes), *(_details(row) for row in rows)])


def summary_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the Markdown table of the front page: of each app, task and data the best row; the app's name links to the others."""
    head = ["app", "model", "data", "result, 95 % interval", "literature", "time*"]
    rows = best(rows)
    body = [
        [
            f"[{row['app']}](apps/{row['app']}/README.md)",
            f"{_escaped(row['title'])} (`{row['preset']}`){' †' if row.get('stale') else ''}",
            _dataset(row["dataset"]),
            _headline(row),
            _escaped(row["literature"]),
            _time(row),
        ]
        for row in rows
    ]
    notes = [TIME_NOTE]
    if any(row.get("stale") for row in rows):
        notes.append("† measured with older code; the app's README says what changed.")
    return f"{markdown_table(head, body)}\n\n{_lines(notes)}"


def best(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the row with the best headline of those measured alike: same app, headline and examples; in the rows' order."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for row in rows:
        measured = row["app"], row["headline"], row["dataset"]["name"], row["dataset"]["examples"]
        groups.setdefault(measured, []).append(row)
    return [
        (min if group[0]["lower_is_better"] else max)(group, key=lambda row: row["metrics"][row["headline"]]["mean"])
        for group in groups.values()
    ]


def _details(row: Mapping[str, Any]) -> str:
    """All metrics of a row, folded away."""
    baselines = row["baselines"]
    head = ["metric", "value", "95 % interval", *(name.replace("_", " ") for name in baselines)]
    body = []
    for key, metric in row["metrics"].items():
        others = [metric_value(key, m[key], metric["unit"]) if key in m else "" for m in baselines.values()]
        interval = metric_interval(key, metric["interval95"], metric["unit"])
        body.append([metric_name(key), metric_value(key, metric["mean"], metric["unit"]), interval, *others])
    command = f"    {row['command']}"
    title = f"<details><summary>All metrics of <code>{row['preset']}</code></summary>"
    return f"{title}\n\n{markdown_table(head, body)}\n\n{command}\n\n</details>"


def _lines(notes: Sequence[str]) -> str:
    return "  \n".join(notes)


def _metric(name: str, metric: Metric) -> dict[str, Any]:
    interval = None if metric.interval95 is None else [float(bound) for bound in metric.interval95]
    if not all(math.isfinite(value) for value in (metric.value, *(interval or ()))):
        raise ValueError(f"metric {name} is not finite: {dataclasses.asdict(metric)}")
    return {
        "value": float(metric.value),
        "unit": metric.unit,
        "examples": int(metric.examples),
        "interval95": interval,
    }


def _check(document: Mapping[str, Any]) -> None:
    missing = [name for name in REQUIRED if name not in document]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if document["headline"] not in document["metrics"]:
        raise ValueError(
            f"the headline {document['headline']} is not among its metrics {', '.join(document['metrics'])}"
        )


def _seeds(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(path.parent, read_metrics(path)) for path in sorted(folder.glob("seed-*/metrics.json"))]


def _with_kept_seeds(
    documents: list[dict[str, Any]],
    path: Path,
    settings: str,
    network: Sequence[str] | None,
    preset: Preset,
    root: Path,
) -> list[dict[str, Any]]:
    """Adds the seeds of a kept row whose runs are not here, as far as they were measured alike."""
    row = runs.read_json(path) if path.is_file() else {}
    here = {document["seed"] for document in documents}
    kept = row.get("documents", []) if row.get("settings") == settings else []
    alike = [
        document
        for document in kept
        if document["seed"] not in here
        and document["dataset"] == documents[0]["dataset"]
        and not changed_since(document["app"], document["code"], [document["evaluated"]], root, network, _model(preset))
    ]
    return sorted(documents + alike, key=lambda document: document["seed"])


def _tell_what_is_lost(app: str, path: Path, row: Mapping[str, Any]) -> None:
    kept = runs.read_json(path) if path.is_file() else row
    lost = [f"seed {seed}" for seed in kept["seeds"] if seed not in row["seeds"]]
    lost += [f"baseline {name}" for name in kept["baselines"] if name not in row["baselines"]]
    if lost:
        print(
            f"{app}: {path.stem} loses {', '.join(lost)}: not in the runs here, or measured otherwise",
            file=sys.stderr,
        )


def _stale(app: str, name: str, row: Mapping[str, Any], presets: Mapping[str, Preset], root: Path) -> str | None:
    if name not in presets:
        return f"there is no preset {name} any more"
    if row["settings"] != identity(presets[name].config):
        return "the preset's settings changed"
    evaluated = row.get("evaluated", [row["code"]])
    for trained in row.get("trained", [row["code"]]):
        if changed := changed_since(app, trained, evaluated, root, row.get("network"), _model(presets[name])):
            return changed
    return None


def _model(preset: Preset) -> str:
    return type(preset.config.model).__name__


def _over_seeds(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [metric["value"] for metric in metrics]
    intervals = [metric["interval95"] for metric in metrics if metric["interval95"] is not None]
    return {
        "mean": _mean(values),
        "standard_error": standard_error(values),
        "values": values,
        "interval95": [_mean(bound) for bound in zip(*intervals, strict=True)] if intervals else None,
        "unit": metrics[0]["unit"],
        "examples": metrics[0]["examples"],
    }


def _mean(values: Any) -> float | None:
    values = list(values)
    return None if None in values else math.fsum(values) / len(values)


def _time(row: Mapping[str, Any]) -> str:
    gpus = row.get("gpus") or [row["machine"].get("gpu")]
    value = row["train_minutes"] if row["reference_minutes"] is None else row["reference_minutes"]
    time = _escaped(minutes_on(value, gpus[0]))
    if gpus[0]:
        return time
    others = sorted({gpu for gpu in gpus if gpu})
    return f"{time} (other seeds on {_escaped(', '.join(others))})" if others else time


def _dataset(dataset: Mapping[str, Any]) -> str:
    kind = " (synthetic)" if dataset["synthetic"] else ""
    return f"{_escaped(dataset['name'])}{kind} {dataset['split']}, {dataset['examples']:,}"


def _headline(row: Mapping[str, Any]) -> str:
    key = row["headline"]
    metric = row["metrics"][key]
    text = metric_text(key, {**metric, "value": metric["mean"]})
    if metric["standard_error"] is not None:
        spread = metric_value(key, metric["standard_error"], metric["unit"])
        text += f", standard error {spread} over {len(row['seeds'])} seeds"
    return f"{metric_name(key)} {text}"


def _baseline(row: Mapping[str, Any], name: str) -> str:
    key = row["headline"]
    value = metric_value(key, row["baselines"][name][key], row["metrics"][key]["unit"])
    return f"{name.replace('_', ' ')} {value}"


def _escaped(text: str) -> str:
    for character in "\\`*_|<>[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table of cells that are escaped already."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replace_between_marks(path: Path, marker: str, text: str) -> None:
    """Puts `text` between <!-- marker:begin --> and <!-- marker:end --> of a file.

    Raises:
        ValueError: the file has no such marks.
    """
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    content = path.read_text(encoding="utf-8")
    before, found, rest = content.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no {begin} and {end} to put the table between")
    runs.write_text(path, f"{before}{begin}\n{text}\n{end}{after}")
