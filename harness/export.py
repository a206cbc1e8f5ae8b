"""The SavedModel: written in a child process without a GPU, checked in another that imports only TensorFlow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from harness import model_card, results, runs, saved_model_check
from harness.app import Endpoint, Source


class ExportFailed(Exception):
    """The SavedModel could not be written, or answers differently."""


def export(session: Any, target: Any) -> None:
    """Writes runs/.../saved_model/, its model card, and points runs/<app>/current to it once it has been checked.

    A child process without a GPU writes it, because an LSTM exported where a GPU is visible does not load without one.

    Raises:
        ExportFailed: the child failed, or the SavedModel's answers differ by more than the app's tolerance.
    """
    app, folder = session.app, target.folder
    split = session.prepared(target).splits
    shown = split["test"] if len(split.get("test", ())) else split["validation"]
    examples = app.examples(target.config, session.spec(target), shown)
    encoded = {
        endpoint: {"inputs": {name: saved_model_check.encode(value) for name, value in inputs.items()}}
        for endpoint, inputs in examples.items()
    }
    runs.write_json(folder / "export_examples.json", encoded)
    try:
        _child(["-m", f"apps.{app.name}", "write-saved-model", "--model", str(folder)], "writing the SavedModel")
    except ExportFailed:
        shutil.rmtree(folder / "saved_model.new", ignore_errors=True)
        raise
    answer = _child(
        [
            saved_model_check.__file__,
            str(folder / "saved_model.new"),
            str(folder / "export_examples.json"),
            str(app.tolerance),
        ],
        "loading the SavedModel in a fresh process",
    )
    result = json.loads(answer.splitlines()[-1])
    if result["failures"]:
        raise ExportFailed(
            f"{folder / 'saved_model.new'} answers differently from the model: {'; '.join(result['failures'])}"
        )
    shutil.rmtree(folder / "saved_model", ignore_errors=True)
    os.replace(folder / "saved_model.new", folder / "saved_model")
    runs.write_json(folder / "export.json", {**result, "tolerance": app.tolerance, "endpoints": list(examples)})
    _point_to(runs.RUNS / app.name, folder)
    runs.say(
        f"{app.name}: exported {folder / 'saved_model'}; the same answers in a fresh process "
        f"(largest difference {result['largest_difference']:.1e}, allowed {app.tolerance:.0e})"
    )


def _point_to(runs_of_app: Path, folder: Path) -> None:
    """Writes the file that a bare predict follows: the run's place in the app's folder of runs, or its whole path elsewhere."""
    here, run = runs_of_app.resolve(), folder.resolve()
    runs.write_text(runs_of_app / "current", f"{run.relative_to(here) if run.is_relative_to(here) else run}\n")


def _child(arguments: list[str], doing: str) -> str:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(runs.ROOT)}
    if arguments[0] != "-m":
        environment.pop("PYTHONPATH")
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=runs.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if answer.returncode:
        lines = [line for line in answer.stderr.strip().splitlines() if line.strip()]
        raise ExportFailed(f"{doing} failed: {lines[-1] if lines else 'no message'}")
    return answer.stdout


def write_saved_model(session: Any, target: Any) -> None:
    """Writes saved_model.new/ and completes export_examples.json with this process' own answers."""
    folder = target.folder
    model = session.model(target)
    spec = session.spec(target)
    archive = keras.export.ExportArchive()
    archive.track(model)
    endpoints = session.app.endpoints(target.config, spec, model)
    for endpoint in endpoints:
        archive.add_endpoint(name=endpoint.name, fn=endpoint.function, input_signature=list(endpoint.signature))
    new = folder / "saved_model.new"
    shutil.rmtree(new, ignore_errors=True)
    try:
        archive.write_out(str(new), verbose=False)
    except Exception as error:
        cause = runs.disk_trouble(error)
        if cause is None:
            raise
        raise runs.WriteFailed(new, cause) from error
    (new / "assets.extra").mkdir(exist_ok=True)
    runs.write_text(new / "assets.extra" / "endpoints.txt", "\n".join(endpoint.name for endpoint in endpoints) + "\n")
    examples = runs.read_json(folder / "export_examples.json")
    for endpoint in endpoints:
        inputs = examples[endpoint.name]["inputs"]
        tensors = [tf.constant(saved_model_check.decode(inputs[spec.name])) for spec in endpoint.signature]
        outputs = endpoint.function(*tensors)
        examples[endpoint.name]["outputs"] = {
            name: saved_model_check.encode(tf.convert_to_tensor(value).numpy()) for name, value in outputs.items()
        }
    runs.write_json(folder / "export_examples.json", examples)
    runs.write_text(folder / "MODEL_CARD.md", _card(session, target, endpoints))


def _card(session: Any, target: Any, endpoints: Sequence[Endpoint]) -> str:
    folder, card = target.folder, session.app.card
    scores = folder if (folder / "metrics.json").is_file() else folder.parent
    data = runs.read_json(folder / "data.json")
    return model_card.model_card(
        card(target.config, session.spec(target)) if callable(card) else card,
        endpoints,
        results.read_metrics(scores / "metrics.json"),
        Source(**data["source"]),
        data["counts"],
        data["dropped"],
        data["notes"],
    )
