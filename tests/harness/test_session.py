"""Which run a path means, what is said of a damaged one, and where the scores on a person's data go."""

import os
import types
from dataclasses import dataclass, field
from pathlib import Path

import keras
import pytest

from datasets.errors import DataError
from harness import predicting, session
from harness.app import nothing_to_tune
from harness.command_line import parse
from harness.settings import Preset, TrainingConfig
from harness.training import load_model


@dataclass(frozen=True)
class Data:
    """Data."""

    source: str = "mnist"
    """Where from."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    data: Data = field(default_factory=Data)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def make_run(folder):
    folder.mkdir(parents=True)
    for name in ("config.json", "spec.json", "model.keras"):
        (folder / name).write_text("{}")


def test_a_run_is_named_by_its_folder_or_what_lies_in_it(tmp_path):
    run = tmp_path / "seed-1"
    make_run(run)
    for path in (run, run / "model.keras", run / "saved_model"):
        assert session.run_folder_of(path) == run
    with pytest.raises(DataError, match="elsewhere: no run there"):
        session.run_folder_of(tmp_path / "elsewhere")


def test_a_cross_validated_run_means_its_training_on_everybody(tmp_path):
    make_run(tmp_path / "seed-1" / "fold-1")
    with pytest.raises(DataError, match=r"seed-1: cross-validated.*export trains it"):
        session.run_folder_of(tmp_path / "seed-1")
    make_run(tmp_path / "seed-1" / "fold-all")
    assert session.run_folder_of(tmp_path / "seed-1") == tmp_path / "seed-1" / "fold-all"
    assert session.run_folder_of(tmp_path / "seed-1" / "fold-1") == tmp_path / "seed-1" / "fold-1"


def tuned_app(**answer):
    calls = []

    def tune(config, spec, model, prepared):
        calls.append((config, spec, model, prepared))
        return answer

    return types.SimpleNamespace(tune=tune), calls


class Opened(session.Session):
    """A session whose model and data are mere names."""

    def model(self, target):
        return "model"

    def prepared(self, target):
        return "prepared"


def opened(app, folder, new_data=None):
    return Opened(app, "p", None, "config", folder, types.SimpleNamespace(new_data=new_data))


def test_what_is_tuned_is_kept_once_and_handed_on_in_the_spec(tmp_path):
    folder = tmp_path / "seed-1"
    make_run(folder)
    (folder / "spec.json").write_text('{"classes": 2}')
    target = session.Target("config", folder)
    app, calls = tuned_app(**{"lm.arpa": "text", "weights.json": "{}"})
    opened(app, target.folder, new_data="mine.csv").tune(target)
    assert not calls
    for _ in range(2):
        opened(app, target.folder).tune(target)
    assert calls == [("config", {"classes": 2}, "model", "prepared")]
    assert session.stored_spec(target.folder) == {"classes": 2, "tuned": {"lm.arpa": "text", "weights.json": "{}"}}
    assert not (target.folder / "tuned.new").exists()
    (target.folder / "tuned" / "lm.arpa").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"lm.arpa: not UTF-8 text; remove the folder tuned/"):
        session.stored_spec(target.folder)


def test_nothing_tuned_leaves_the_spec_as_it_was(tmp_path):
    folder = tmp_path / "seed-1"
    make_run(folder)
    (folder / "spec.json").write_text('{"classes": 2}')
    app, calls = tuned_app()
    opened(app, folder).tune(session.Target("config", folder))
    assert len(calls) == 1
    assert session.stored_spec(folder) == {"classes": 2}
    opened(types.SimpleNamespace(tune=nothing_to_tune), folder).tune(session.Target("config", folder))
    assert not (folder / "tuned").exists()


def test_data_of_the_same_name_in_two_places_are_kept_apart(tmp_path, monkeypatch):
    files = [tmp_path / place / "manifest.csv" for place in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text("")
    names = [session.name_of(str(file)) for file in files]
    assert len(set(names)) == 2 and all(name.startswith("manifest.csv-") for name in names)
    monkeypatch.chdir(tmp_path / "a")
    assert session.name_of("manifest.csv") == session.name_of(os.path.join("..", "a", "manifest.csv")) == names[0]
    assert session.name_of(".").startswith("a-")
    assert session.name_of("demo") == "demo"


GOOD = '{"app": "digits", "preset": "small", "config": {"data": {"class": "Data", "source": "mnist"}}}'


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "config.json: damaged"),
        ("[]", "config.json: not the settings of a run"),
        (GOOD.replace("digits", "speech"), "a run of speech, expected one of digits"),
        (GOOD.replace("source", "colour"), "config.json: settings that this version does not have .*colour"),
        (GOOD.replace("Data", "Datum"), "config.json: settings that this version does not have .*Datum"),
        (GOOD, "spec.json: empty"),
    ],
)
def test_a_damaged_run_is_named(tmp_path, config, said):
    make_run(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(config)
    presets = {"small": Preset(Config(), "X1", "Small")}
    arguments = parse("digits", Config, presets, "small", ["evaluate", "--model", str(tmp_path / "run")])
    with pytest.raises(DataError, match=said):
        opened = session.Session.open(types.SimpleNamespace(name="digits"), Config, presets, arguments)
        opened.spec(opened.targets()[0])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_damaged_model_is_named(tmp_path, share):
    file = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"model\.keras: not a \.keras model that can be loaded"):
        load_model(file)


def test_a_damaged_saved_model_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    for folder in (tmp_path, Path("/nope")):
        with pytest.raises(DataError, match=f"{folder}: not a SavedModel that can be loaded .* export it again"):
            predicting._load(folder)
