"""Studies of several trainings: how they end on a signal."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import studies

ROOT = Path(__file__).resolve().parents[2]
PARENT = """
import sys
from pathlib import Path
from harness import runs, studies
runs.ROOT = Path(sys.argv[1])
try:
    print("ended with", studies.run_command("slow", ["train"]), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
CHILD = """
import signal, sys, time
from pathlib import Path
def save(number, frame):
    time.sleep(0.6)  # subprocess itself would leave a quarter of a second
    Path("saved").write_text(f"{sys.argv[1]} {signal.Signals(number).name}")
    sys.exit(1)
signal.signal(signal.SIGINT, save)
signal.signal(signal.SIGTERM, save)
print("started", flush=True)
time.sleep(60)
"""


@dataclass(frozen=True)
class Settings:
    number: int = 1


@pytest.mark.parametrize(
    ("number", "send"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)], ids=["the terminal's", "passed on"]
)
def test_a_signal_leaves_the_command_the_time_to_save(tmp_path, number, send):
    """Ctrl-C reaches the whole group of processes; SIGTERM the parent alone."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "__init__.py").touch()
    (tmp_path / "apps" / "slow.py").write_text(CHILD)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout.readline() == "started\n"
    send(parent.pid, number)
    assert parent.communicate(timeout=60)[0] == "interrupted\n"
    assert (tmp_path / "saved").read_text() == f"train {signal.Signals(number).name}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_is_one_sentence(capsys, number):
    before = signal.getsignal(signal.SIGTERM)
    # a shell starts what runs in the background deaf to Ctrl-C
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert studies.main("digits", Settings, "", lambda settings: signal.raise_signal(number), []) == 1
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert capsys.readouterr().err == "digits: interrupted; give the same command again to go on\n"
    assert signal.getsignal(signal.SIGTERM) is before
