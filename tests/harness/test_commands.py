"""How a command ends that is told to stop before training has begun, or that nobody reads any more."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apps.digits.config import Config
from apps.digits.presets import PRESETS
from harness import commands

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


def test_a_reader_that_stops_reading_is_no_traceback():
    command = [sys.executable, "-m", "apps.digits", "train", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
