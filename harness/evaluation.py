"""From trained models to predictions.npz, metrics.json and report.html."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas

from datasets.errors import DataError
from harness import results, runs, settings
from harness.app import Predictions, Prepared


def evaluate(session: Any, split: str) -> None:
    """Predicts one split of every target, joins the folds, measures and reports.

    The test split gives metrics.json and report.html; any other split metrics-<split>.json only.

    Raises:
        DataError: a target is not trained yet, or has no such examples.
    """
    targets = session.targets()
    parts, baselines = [], []
    for target in targets:
        session.tune(target)
        model, spec, prepared = session.model(target), session.spec(target), session.prepared(target)
        examples = prepared.splits.get(split)
        if examples is None or not len(examples):
            raise DataError(f"{session.app.name}: there are no {split} examples in {prepared.source.name}")
        parts.append(session.app.predict(target.config, spec, model, examples))
        folder = session.scores() if session.arguments.new_data else target.folder
        runs.write_arrays(folder / f"predictions{_suffix(split)}.npz", parts[-1])
        if split == "test":
            baselines.append(session.app.baselines(target.config, prepared))
    joined = join(parts)
    metrics = session.app.evaluate(session.config, spec, joined)
    compared = {
        name: session.app.evaluate(session.config, spec, join([part[name] for part in baselines]))
        for name in (baselines[0] if baselines else {})
    }
    document = _document(session, targets, prepared, split, metrics, compared)
    runs.write_json(session.scores() / f"metrics{_suffix(split)}.json", document)
    _say(session, document, split)
    if split == "test":
        from harness import report  # matplotlib and Jinja only where a report is made

        one = len(targets) == 1
        sections = session.app.figures(session.config, spec, model, prepared if one else None, joined)
        report.render(session.scores(), _report(session, targets, prepared, document, sections))
        runs.say(f"{session.app.name}: report {session.scores() / 'report.html'}")


def join(parts: list[Predictions]) -> Predictions:
    """Returns the predictions of all folds as one; index arrays are the app's own business."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _suffix(split: str) -> str:
    return "" if split == "test" else f"-{split}"


def _document(
    session: Any, targets: list[Any], prepared: Prepared, split: str, metrics: Any, compared: Any
) -> dict[str, Any]:
    trainings = [runs.read_json(target.folder / "training.json") for target in targets]
    environment = runs.read_json(targets[0].folder / "environment.json")
    preset = session.preset
    return results.metrics_document(
        app=session.app.name,
        preset=session.preset_name,
        title=preset.title,
        catalogue=preset.catalogue,
        literature=preset.literature,
        headline=session.app.headline,
        source=prepared.source,
        split=split if len(targets) == 1 else f"{split}, {len(targets)} folds",
        examples=metrics[session.app.headline.metric].examples,
        seed=session.config.training.seed,
        metrics=metrics,
        baselines=compared,
        parameters=trainings[0]["parameters"],
        train_minutes=sum(training["train_minutes"] for training in trainings),
        matmul_gflops=float(np.median([training["matmul_gflops"] for training in trainings])),
        command=trainings[0]["command"],
        code=trainings[0]["code"],
        evaluated=runs.code_version(),
        **environment,
    )


def _say(session: Any, document: dict[str, Any], split: str) -> None:
    for name, metric in document["metrics"].items():
        interval = metric["interval95"]
        between = f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        runs.say(
            f"{session.app.name}: {split} {name} {metric['value']:.4g}{between} {metric['unit']}, n = {metric['examples']:,}"
        )


def _report(session: Any, targets: list[Any], prepared: Prepared, document: dict[str, Any], sections: list[Any]) -> Any:
    from harness.report import RunReport

    histories = {
        " ".join(
            filter(None, (target.folder.name if len(targets) > 1 else "", path.stem.removeprefix("history").strip("-")))
        ): path
        for target in targets
        for path in sorted(target.folder.glob("history*.csv"))
    }
    return RunReport(
        app=session.app.name,
        preset=session.preset_name,
        title=session.preset.title,
        catalogue=session.preset.catalogue,
        literature=session.preset.literature,
        headline=session.app.headline,
        metrics=document["metrics"],
        baselines=document["baselines"],
        sections=sections,
        history={name: pandas.read_csv(path) for name, path in histories.items()},
        counts={name: len(split) for name, split in prepared.splits.items()},
        dropped=dict(prepared.dropped),
        notes=list(prepared.notes),
        left_out=list(prepared.left_out),
        source=dataclasses.asdict(prepared.source),
        config=settings.to_dict(session.config),
        parameters=document["parameters"],
        train_minutes=document["train_minutes"],
        command=document["command"],
        environment={**runs.read_json(targets[0].folder / "environment.json"), "code": document["code"]},
    )
