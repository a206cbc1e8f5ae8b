"""What a command line means, and what is answered to one that means nothing."""

import importlib
import io
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.command_line import UsageError, parse
from harness.settings import LATER, Preset, TrainingConfig, check, from_dict, identity, to_dict


@dataclass(frozen=True)
class Data:
    """Data."""

    source: str = "mnist"
    """Where from."""


@dataclass(frozen=True)
class Wide:
    """A model."""

    width: int = 3
    """Its width."""


@dataclass(frozen=True)
class Deep:
    """Another model."""

    depth: int = 2
    """Its depth."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    data: Data = field(default_factory=Data)
    model: Wide | Deep = field(default_factory=Wide)
    training: TrainingConfig = field(default_factory=TrainingConfig)


PRESETS = {"wide": Preset(Config(), "X1", "Wide"), "deep": Preset(Config(model=Deep(7)), "X2", "Deep")}


def parsed(*argv):
    return parse("test", Config, PRESETS, "wide", argv)


def test_flags_change_the_preset_they_start_from():
    arguments = parsed("train", "--preset", "deep", "--training.epochs", "5", "--data", "folder")
    assert arguments.config == Config(Data("folder"), Deep(7), TrainingConfig(epochs=5))


@pytest.mark.parametrize("flags", [["--data", "new"], ["--data=new"], ["--data.source", "new"], ["--data.source=new"]])
def test_data_beside_a_model_means_new_data(flags):
    assert parsed("evaluate", "--model", "runs/x", *flags).new_data == "new"
    assert parsed("evaluate", *flags).new_data is None
    assert parsed("evaluate", *flags).config.data.source == "new"


@pytest.mark.parametrize(
    "argv",
    [
        ["predict", "a.png", "b/"],
        ["predict", "--strategy", "auto", "a.png", "b/"],
        ["predict", "--json", "a.png", "b/", "--output", "out"],
        ["predict", "--model", "runs/x", "--json", "a.png", "--verbose", "b/"],
    ],
)
def test_files_stand_anywhere_among_the_flags_of_predict(argv):
    assert parsed(*argv).options.paths == [Path("a.png"), Path("b/")]
    assert not parsed(*argv).chosen


def test_predict_means_the_run_of_a_preset_or_setting_that_is_given():
    assert parsed("predict", "a.png", "--preset", "deep").chosen
    assert parsed("predict", "a.png", "--preset", "deep").preset == "deep"
    arguments = parsed("predict", "a.png", "--model.width", "5")
    assert arguments.chosen and arguments.config.model == Wide(5)
    assert arguments.options.paths == [Path("a.png")]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "--preset", "tall"], "no preset 'tall' in test; there are wide, deep"),
        (["train", "--preset", "deep", "--model.width", "3"], "Unrecognized options: --model.width"),
        (["train", "--training.epochs", "many"], "--training.epochs"),
        (["train", "--training.schedule", "steep"], "cosine"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "3"], "unexpected argument '3'"),
        (["train", "--overwrite", "3"], "unexpected argument '3'"),
        (["evaluate", "--model", "runs/x", "--training.epochs", "5"], "--training.epochs beside --model"),
        (["evaluate", "--model", "runs/x", "--preset", "deep"], "--preset beside --model"),
        (["predict", "--json"], "predict needs files or folders, before any settings: predict photo.png"),
        (["predict", "-dash.wav"], "predict needs files or folders, before any settings: predict ./-dash.wav"),
        (["predict", "--json", "--", "-dash.wav"], "predict ./-dash.wav"),
        (["predict", "--model.width", "5", "a.png"], "before any settings"),
    ],
)
def test_what_is_not_understood_is_named_in_one_line(argv, said):
    with pytest.raises(UsageError) as error:
        parsed(*argv)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_frame_around_a_message_stays_out_of_it(encoding, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    with pytest.raises(UsageError) as error:
        parsed("train", "--preset", "deep", "--model.width", "3")
    assert str(error.value) == "Unrecognized options: --model.width, 3 (see --help)"


def test_settings_survive_json():
    config = Config(model=Deep(4), training=TrainingConfig(optimizer_options={"momentum": 0.9}))
    assert from_dict(Config, to_dict(config)) == config
    with pytest.raises(ValueError, match="no setting colour"):
        from_dict(Config, {"colour": 1})


def test_the_run_is_named_by_everything_but_the_seed():
    assert identity(Config()) == identity(Config(training=TrainingConfig(seed=9)))
    assert identity(Config()) != identity(Config(training=TrainingConfig(epochs=9)))


@dataclass(frozen=True)
class LaterData(Data):
    """Data with a setting that was added after results were kept."""

    weight: str = field(default="none", metadata=LATER)
    """How."""


LaterData.__name__ = "Data"  # as when the field was added to Data itself


@dataclass(frozen=True)
class LaterGroup:
    passes: int = field(default=0, metadata=LATER)


@dataclass(frozen=True)
class WithLaterGroup(Config):
    later: LaterGroup = field(default_factory=LaterGroup)


def test_a_later_setting_leaves_the_names_of_earlier_runs():
    assert identity(Config(LaterData())) == identity(Config(Data()))
    assert identity(Config(LaterData(weight="balanced"))) != identity(Config(Data()))
    assert identity(WithLaterGroup()) == identity(Config())
    assert identity(WithLaterGroup(later=LaterGroup(passes=1))) != identity(Config())


@pytest.mark.parametrize("app", ["digits", "cifar10", "speech", "eeg", "captioning", "denoising"])
def test_help_shows_every_setting_without_importing_tensorflow(app):
    root = Path(__file__).resolve().parents[2]
    start = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", f"apps.{app}", "train", "--help"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - start
    assert answer.returncode == 0, answer.stderr[-500:]
    assert "--training.learning-rate" in answer.stdout
    assert "--data.source" in answer.stdout
    assert "| tensorflow" not in answer.stderr
    assert "| keras" not in answer.stderr
    assert seconds < 6, "1.5 s on an idle machine; several times that only under load"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--training.epochs", "0"], "--training.epochs 0: expected 1 or more"),
        (["--training.batch-size", "-5"], "--training.batch-size -5: expected 1 or more"),
        (["--training.steps-per-epoch", "0"], "--training.steps-per-epoch 0: expected 1 or more"),
        (["--training.learning-rate", "0"], "--training.learning-rate 0.0: expected a number above 0"),
        (["--training.learning-rate", "nan"], "--training.learning-rate nan: expected a finite number"),
        (["--training.final-learning-rate", "-1"], "--training.final-learning-rate -1.0: expected 0 or more"),
        (["--training.clip-norm", "-1"], "--training.clip-norm -1.0: expected a number above 0"),
        (["--training.ema-momentum", "1.5"], "--training.ema-momentum 1.5: expected 0 or more and less than 1"),
        (["--training.warmup-fraction", "2"], "--training.warmup-fraction 2.0: expected 0 to 1"),
        (["--training.seed", "9999999999"], "--training.seed 9999999999: expected 0 to 2147483647"),
        (
            ["--training.clip-norm", "1", "--training.clip-value", "0.5"],
            "--training.clip-value 0.5 beside --training.clip-norm 1.0",
        ),
        (["--training.jit-compile"], "pass --training.no-deterministic too"),
        (["--data", ""], "--data was given nothing"),
        (["--strategy", "all"], "invalid choice: 'all'"),
        (["--cpu-devices", "0"], "'0', expected a whole number of 1 or more"),
    ],
)
def test_numbers_out_of_their_range_are_refused_before_anything_is_read(flags, said):
    with pytest.raises(UsageError) as error:
        parsed("train", *flags)
    assert said in str(error.value)


@pytest.mark.parametrize(("app", "name"), [("digits", "plain_share"), ("speech", "noise_share")])
def test_a_share_of_the_examples_is_at_most_one(app, name):
    settings = importlib.import_module(f"apps.{app}.config")
    check(settings.Config(data=settings.DataConfig(**{name: 1.0})))
    with pytest.raises(ValueError, match=f"--data.{name.replace('_', '-')} 1.5: expected 0 to 1"):
        check(settings.Config(data=settings.DataConfig(**{name: 1.5})))


@pytest.mark.parametrize("app", ["digits", "cifar10", "speech", "eeg", "captioning", "denoising"])
def test_the_demo_is_not_named_by_its_data_which_may_be_others(app):
    title = importlib.import_module(f"apps.{app}.presets").PRESETS["demo"].title.lower()
    assert not [word for word in ("synthetic", "simulated", "uci", "demo") if word in title]


@pytest.mark.parametrize("app", ["digits", "cifar10", "speech", "eeg", "captioning", "denoising"])
def test_every_preset_is_within_the_ranges(app):
    presets = importlib.import_module(f"apps.{app}.presets").PRESETS
    for preset in presets.values():
        check(preset.config)
