"""How a command ends that is told to stop before training has begun, or that nobody reads any more."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from apps.digits.config import Config
from apps.digits.presets import PRESETS
from harness import commands, runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def interruptible():
    """A shell starts what runs in the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_while_data_are_read_ends_with_one_sentence(number, capsys, interruptible):
    cleared = []

    def load_app():
        try:
            signal.raise_signal(number)
        finally:
            cleared.append("what was half written")

    before = signal.getsignal(signal.SIGTERM)
    assert commands.main("digits", Config, PRESETS, "demo", load_app, ["train"]) == commands.FAILED
    assert capsys.readouterr().err.splitlines() == ["digits: interrupted; give the same command again to go on"]
    assert cleared == ["what was half written"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("verb", ["evaluate", "export"])
@pytest.mark.parametrize(
    ("flags", "how"),
    [([], "PRESET=demo"), (["--training.epochs", "7"], "PRESET=demo and the same settings in ARGS")],
)
def test_a_preset_that_was_never_trained_says_how_to_train_it(verb, flags, how, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    app = SimpleNamespace(name="digits")
    assert commands.main("digits", Config, PRESETS, "demo", lambda: app, [verb, *flags]) == commands.FAILED
    said = capsys.readouterr().err
    assert said.startswith(f"digits: preset demo has not been trained yet ({tmp_path / 'digits'}/demo-")
    assert said.endswith(f"is not there); train it first: make train-digits {how}\n")


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_the_literature_is_named_on_the_presets_own_data_alone(verb, monkeypatch):
    from harness.session import Session

    named = []
    monkeypatch.setattr(Session, verb, lambda session: named.append(session.preset.literature))
    monkeypatch.setattr(commands, "check_trained", lambda session: None)
    for flags in ([], ["--data", "/my/digits"]):
        argv = [verb, "--preset", "lenet5-paper-mnist", *flags]
        assert (
            commands.main("digits", Config, PRESETS, "lenet5-mnist", lambda: SimpleNamespace(name="digits"), argv) == 0
        )
    assert named == [PRESETS["lenet5-paper-mnist"].literature, ""]
    assert named[0]


def test_a_reader_that_stops_reading_is_no_traceback():
    command = [sys.executable, "-m", "apps.digits", "train", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
