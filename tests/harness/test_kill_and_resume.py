"""kill -9 at any moment, the same command again: the same weights, bit for bit, and the same history."""

import os
import random
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = ["--training.epochs", "6", "--training.steps-per-epoch", "4", "--training.batch-size", "32", "--training.ema-momentum",
          "0.9", "--training.early-stopping-patience", "5", "--data.limit", "200"]  # fmt: skip
RUNS = {
    "digits": ["--model.dropout", "0.3"],
    "speech": ["--model.dropout", "0.3"],
    "captioning": ["--self-critical.passes", "2", "--self-critical.batch-size", "50"],
}


KILLED = """
import os, runpy, signal, sys
from harness import runs, training
moment, left, app = sys.argv[1], int(sys.argv[2]), sys.argv[3]
del sys.argv[1:4]

def dies(function, counts=lambda *given: True, before=False):
    def called(*given, **named):
        global left
        left -= counts(*given)
        if before and not left:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = function(*given, **named)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return called

def is_checkpoint(source, target):
    return str(target).endswith("-last.npz")

if moment == "step":
    training.Guard.on_train_batch_end = dies(training.Guard.on_train_batch_end)
else:
    runs.os.replace = dies(os.replace, is_checkpoint, before=moment == "before the rename")
runpy.run_module(app, run_name="__main__", alter_sys=True)
"""
"""Runs an app and kills it with SIGKILL in the middle of an epoch, or around the moment a checkpoint takes its name."""


def start(app: str, runs: Path, killed: tuple[str, int] | None = None) -> subprocess.Popen:
    arguments = ["train", "--preset", "demo", *ALWAYS, *RUNS[app]]
    program = ["-m", f"apps.{app}"] if killed is None else ["-c", KILLED, killed[0], str(killed[1]), f"apps.{app}"]
    environment = {**os.environ, "RUNS_DIR": str(runs), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def kill(app: str, runs: Path, moment: str, count: int) -> None:
    process = start(app, runs, (moment, count))
    log = process.communicate(timeout=900)[1]
    assert process.returncode == -signal.SIGKILL, log


def finish(process: subprocess.Popen) -> str:
    log = process.communicate(timeout=900)[1]
    assert process.returncode == 0, log
    return log


def outcome(runs: Path, app: str) -> tuple[bytes, pandas.DataFrame]:
    [file] = (runs / app).glob("*/seed-1/model.keras")
    with zipfile.ZipFile(file) as archive:
        weights = archive.read("model.weights.h5")
    return weights, pandas.read_csv(file.parent / "history.csv")


def moments() -> list[tuple[str, int]]:
    """Returns where to kill: two random steps inside an epoch, counted from each start, and around a random checkpoint.

    One is after the second epoch or later, one in the first after the resume, so that nothing new is saved.
    """
    draw = random.Random(7)
    around = draw.choice(["before the rename", "after the rename"])
    return [("step", draw.randrange(9, 12)), ("step", draw.randrange(1, 4)), (around, draw.randrange(1, 3))]


@pytest.mark.parametrize("app", ["digits", "speech"])
def test_a_killed_run_ends_with_the_same_weights(app, tmp_path):
    finish(start(app, tmp_path / "undisturbed"))
    for moment, count in moments():
        kill(app, tmp_path / "killed", moment, count)
    log = finish(start(app, tmp_path / "killed"))
    assert "goes on after epoch" in log
    expected, history = outcome(tmp_path / "undisturbed", app)
    received, resumed_history = outcome(tmp_path / "killed", app)
    assert len(history) == 6
    pandas.testing.assert_frame_equal(history, resumed_history, check_exact=True)
    assert received == expected
    assert not list(tmp_path.rglob(".partial-*"))


@pytest.mark.long
def test_a_run_killed_in_its_second_phase_ends_with_the_same_weights(tmp_path):
    """24 steps and 6 checkpoints word by word, then 2 x 4 steps and 2 checkpoints of drawn captions."""
    finish(start("captioning", tmp_path / "undisturbed"))
    kill("captioning", tmp_path / "killed", "step", 24 + 6)
    kill("captioning", tmp_path / "killed", "before the rename", 1)
    assert "self_critical: goes on after epoch 1 of 2" in finish(start("captioning", tmp_path / "killed"))
    expected, history = outcome(tmp_path / "undisturbed", "captioning")
    received, resumed_history = outcome(tmp_path / "killed", "captioning")
    pandas.testing.assert_frame_equal(history, resumed_history, check_exact=True)
    first, second = (
        pandas.read_csv(next((tmp_path / name).rglob("history-self_critical.csv")))
        for name in ("undisturbed", "killed")
    )
    assert len(first) == 2
    pandas.testing.assert_frame_equal(first, second, check_exact=True)
    assert received == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_saves_and_says_how_to_go_on(number, tmp_path):
    process = start("digits", tmp_path)
    for line in process.stderr:
        if "epoch 1/6 done" in line:
            process.send_signal(number)
            break
    rest = process.stderr.read()
    assert process.wait() == 1
    assert "The same command goes on from there" in rest
    assert "Traceback" not in rest
    assert not list(tmp_path.rglob("model.keras"))
