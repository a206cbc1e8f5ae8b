"""What a command line means, and what is answered to one that means nothing."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.command_line import UsageError, parse
from harness.settings import Preset, TrainingConfig, from_dict, identity, to_dict


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
    ("argv", "said"),
    [
        (["train", "--preset", "tall"], "no preset 'tall' in test; there are wide, deep"),
        (["train", "--preset", "deep", "--model.width", "3"], "Unrecognized options: --model.width"),
        (["train", "--training.epochs", "many"], "--training.epochs"),
        (["train", "--training.schedule", "steep"], "cosine"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "3"], "unexpected argument"),
    ],
)
def test_what_is_not_understood_is_named_in_one_line(argv, said):
    with pytest.raises(UsageError) as error:
        parsed(*argv)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_survive_json():
    config = Config(model=Deep(4), training=TrainingConfig(optimizer_options={"momentum": 0.9}))
    assert from_dict(Config, to_dict(config)) == config
    with pytest.raises(ValueError, match="no setting colour"):
        from_dict(Config, {"colour": 1})


def test_the_run_is_named_by_everything_but_the_seed():
    assert identity(Config()) == identity(Config(training=TrainingConfig(seed=9)))
    assert identity(Config()) != identity(Config(training=TrainingConfig(epochs=9)))


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
