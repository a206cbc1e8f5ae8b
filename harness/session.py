"""One app, one configuration, one run folder: the steps that the commands are made of."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.errors import DataError
from harness import devices, evaluation, export, runs, settings
from harness.app import App, Prepared, nothing_to_tune
from harness.command_line import Arguments
from harness.results import reference_minutes
from harness.settings import Preset
from harness.training import StopRequest, TrainingStopped, load_model, parameters, train_phases

TUNED = "tuned"
"""Folder, within a run's, of what was chosen after training."""


@dataclass(frozen=True)
class Target:
    """One training: of the whole configuration, or of one of its folds."""

    config: Any
    folder: Path


@dataclass(frozen=True)
class Session:
    """What a command works on."""

    app: App
    preset_name: str
    preset: Preset
    config: Any
    folder: Path
    """The seed's folder."""
    arguments: Arguments
    kept: dict[Path, Prepared] = field(default_factory=dict)
    """The data read last, by run folder."""

    @classmethod
    def open(cls, app: App, config_type: type, presets: Mapping[str, Preset], arguments: Arguments) -> Session:
        """Finds the run a command means: by --model, by its configuration, or for a bare predict by runs/<app>/current."""
        model = arguments.options.model
        if arguments.verb == "predict" and model is None and not arguments.chosen:
            model = _current(app.name)
        if model is None:
            config, name = arguments.config, arguments.preset
            return cls(app, name, presets[name], config, runs.seed_folder(app.name, name, config), arguments)
        folder = run_folder_of(model)
        stored, config = _stored(folder / "config.json", app.name, config_type)
        if arguments.new_data:
            config = dataclasses.replace(config, data=dataclasses.replace(config.data, source=arguments.new_data))
        preset = presets.get(stored["preset"], Preset(config, "", stored["preset"]))
        return cls(app, stored["preset"], preset, config, folder, arguments)

    def targets(self) -> list[Target]:
        """Returns the trainings of this run: one, or one a fold."""
        if self.arguments.options.model is not None:
            return [Target(self.config, self.folder)]
        folds = self.app.folds(self.config) or (None,)
        return [Target(with_fold(self.config, fold), runs.fold_folder(self.folder, fold)) for fold in folds]

    def final_target(self) -> Target:
        """Returns the training whose model is exported: the run itself, or with folds the one on everybody."""
        targets = self.targets()
        if len(targets) == 1:
            return targets[0]
        return Target(with_fold(self.config, "all"), runs.fold_folder(self.folder, "all"))

    def prepared(self, target: Target) -> Prepared:
        """Returns the target's data; kept while the target stays the same."""
        if target.folder in self.kept:
            return self.kept[target.folder]
        if self.arguments.new_data:
            prepared = self.app.prepare(target.config, self.spec(target))
        else:
            prepared = self.app.prepare(target.config)
        counts = ", ".join(f"{len(split):,} {name}" for name, split in prepared.splits.items())
        runs.say(f"{self.app.name}: {prepared.source.name}: {counts} examples")
        for reason, count in prepared.dropped.items():
            runs.say(f"{self.app.name}: left out {count:,}: {reason}")
        self.kept.clear()
        self.kept[target.folder] = prepared
        return prepared

    def train(self) -> None:
        """Trains what is not trained yet."""
        options = self.arguments.options
        strategy = devices.open_strategy(options.strategy, options.cpu_devices)
        for target in self.targets():
            self._train_target(target, strategy)

    def _train_target(self, target: Target, strategy: Any) -> None:
        folder = target.folder
        if self.arguments.options.overwrite and folder.exists():
            shutil.rmtree(folder)
        if (folder / "model.keras").exists():
            runs.say(f"{self.app.name}: {folder} is trained already (--overwrite trains it anew)")
            return
        runs.check_writable(folder)
        if devices.is_chief(strategy):
            runs.remove_partial(folder)
        prepared = self.prepared(target)
        before = devices.matmul_gflops()
        try:
            self._describe_run(target, prepared)
            with StopRequest().listening() as stop:
                model, summary = train_phases(self.app, target.config, prepared, folder, strategy, stop)
        except TrainingStopped:
            raise TrainingStopped(
                f"stopped; everything up to the last whole epoch is saved in {folder}. The same command goes on from there"
            ) from None
        except Exception:
            if devices.is_chief(strategy) and not any((folder / "checkpoints").glob("*")):
                runs.remove(folder)
            raise
        if not devices.is_chief(strategy):
            return
        gflops = float(np.median([before, devices.matmul_gflops()]))
        minutes = summary["seconds"] / 60
        runs.write_json(
            folder / "training.json",
            {
                **summary,
                "train_minutes": minutes,
                "reference_minutes": reference_minutes(minutes, gflops, devices.environment()["machine"]),
                "matmul_gflops": gflops,
                "parameters": parameters(model),
                "command": self.arguments.text,
                "code": runs.code_version(),
            },
        )
        model.compiled, model.optimizer = False, None  # so that the file holds no more than shared_layers can load
        runs.write(folder / "model.keras", model.save)
        runs.say(f"{self.app.name}: trained in {minutes:.1f} minutes: {folder / 'model.keras'}")

    def _describe_run(self, target: Target, prepared: Prepared) -> None:
        folder = target.folder
        values = {"app": self.app.name, "preset": self.preset_name, "config": settings.to_dict(target.config)}
        runs.write_json(folder / "config.json", values)
        runs.write_json(folder / "spec.json", prepared.spec)
        runs.write_json(folder / "environment.json", devices.environment())
        counts = {name: len(split) for name, split in prepared.splits.items()}
        data = {"source": dataclasses.asdict(prepared.source), "counts": counts, "dropped": dict(prepared.dropped)}
        data |= {"notes": list(prepared.notes), "left_out": [list(item) for item in prepared.left_out]}
        runs.write_json(folder / "data.json", data)

    def model(self, target: Target) -> keras.Model:
        """Loads the trained model.

        Raises:
            DataError: not trained yet.
        """
        file = target.folder / "model.keras"
        if not file.is_file():
            raise DataError(
                f"{file} is not there yet; train it first: make train-{self.app.name} PRESET={self.preset_name}"
            )
        return load_model(file)

    def spec(self, target: Target) -> dict[str, Any]:
        """Reads what was learnt from the training data, and what was tuned.

        Raises:
            DataError: absent or damaged.
        """
        return stored_spec(target.folder)

    def tune(self, target: Target) -> None:
        """Lets the app choose what it chooses on validation data, once for each trained model; never on a person's new data."""
        folder = target.folder / TUNED
        if self.app.tune is nothing_to_tune or self.arguments.new_data or folder.exists():
            return
        files = self.app.tune(target.config, self.spec(target), self.model(target), self.prepared(target))
        new = folder.with_name(f"{TUNED}.new")
        shutil.rmtree(new, ignore_errors=True)
        for name, text in files.items():
            runs.write_text(new / name, text)
        if files:
            os.replace(new, folder)

    def scores(self) -> Path:
        """Returns the folder of metrics.json and report.html: the run's own, or one for the new data."""
        if not self.arguments.new_data:
            return self.folder
        return self.folder / "evaluations" / name_of(self.arguments.new_data)

    def exported(self) -> Path:
        """Returns the folder of the training whose SavedModel answers.

        Raises:
            DataError: not exported yet.
        """
        for folder in (self.folder, runs.fold_folder(self.folder, "all")):
            if (folder / "saved_model").is_dir():
                return folder
        raise DataError(f"{self.folder}: not exported yet; make export-{self.app.name} PRESET={self.preset_name}")

    def evaluate(self) -> None:
        """Scores the model(s) on the chosen split; writes predictions.npz, metrics.json and report.html."""
        evaluation.evaluate(self, self.arguments.options.split)

    def export(self) -> None:
        """Writes and checks the SavedModel of the final target, training that first where folds left it out."""
        scored = (self.folder, self.folder.parent) if self.folder.name == "fold-all" else (self.folder,)
        if not any((folder / "metrics.json").is_file() for folder in scored):
            self.evaluate()
        target = self.final_target()
        if target not in self.targets():
            self._train_target(target, devices.open_strategy("one"))
        export.export(self, target)

    def write_saved_model(self) -> None:
        """The part of the export that runs in a process of its own, without a GPU."""
        export.write_saved_model(self, Target(self.config, self.folder))


def stored_spec(folder: Path) -> dict[str, Any]:
    """Reads a run's spec.json; the texts of its folder tuned/, if it is there, stand under "tuned" by file name.

    Raises:
        DataError: absent or damaged.
    """
    file = folder / "spec.json"
    spec = runs.read_json(file)
    if not isinstance(spec, dict) or not spec:
        raise DataError(f"{file}: empty; train the run again with --overwrite")
    files = sorted((folder / TUNED).glob("[!.]*"))
    return {**spec, TUNED: {file.name: _text(file) for file in files}} if files else spec


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8 text; remove the folder {TUNED}/ and evaluate again") from None


def with_fold(config: Any, fold: str | None) -> Any:
    """Returns the configuration with data.fold set, or unchanged for None."""
    if fold is None:
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, fold=fold))


def run_folder_of(model: Path) -> Path:
    """Returns the run folder that a path means: the folder itself, or the one its model.keras or saved_model lies in.

    A cross-validated run means its training on everybody.

    Raises:
        DataError: no run there.
    """
    for folder in (model, model.parent, runs.fold_folder(model, "all")):
        if (folder / "config.json").is_file() and (folder / "spec.json").is_file():
            return folder
    if list(model.glob("fold-*/config.json")):
        raise DataError(
            f"{model}: cross-validated, and its training on everybody (fold-all) is not there yet; export trains it, "
            "or pass the folder of one fold"
        )
    raise DataError(f"{model}: no run there (expected a folder with config.json, spec.json and model.keras)")


def _stored(file: Path, app: str, config_type: type) -> tuple[dict[str, Any], Any]:
    """Returns a run's config.json and the configuration in it."""
    stored = runs.read_json(file)
    if not isinstance(stored, dict) or not {"app", "preset", "config"} <= set(stored):
        raise DataError(f"{file}: not the settings of a run; train it again")
    if stored["app"] != app:
        raise DataError(f"{file.parent}: a run of {stored['app']}, expected one of {app}")
    try:
        return stored, settings.from_dict(config_type, stored["config"])
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file}: settings that this version does not have ({error}); train the run again") from error


def name_of(data: str) -> str:
    """Returns a folder's name for a person's data; a file or folder elsewhere with the same name gets another."""
    path = Path(data).resolve()
    if not path.exists():
        return Path(data).name
    return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:6]}"


def _current(app: str) -> Path:
    pointer = runs.RUNS / app / "current"
    if not pointer.is_file():
        raise DataError(f"{pointer}: no exported model yet; make train-{app} export-{app}, or pass --model RUN")
    return runs.RUNS / app / pointer.read_text(encoding="utf-8").strip()
