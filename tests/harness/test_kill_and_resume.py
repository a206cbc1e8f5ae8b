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
}


def start(app: str, runs: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", f"apps.{app}", "train", "--preset", "demo", *ALWAYS, *RUNS[app]]
    environment = {**os.environ, "RUNS_DIR": str(runs), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def kill_after_epoch(process: subprocess.Popen, epoch: int) -> None:
    for line in process.stderr:
        if f"epoch {epoch}/6 done" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.stderr.close()
    process.wait()


def finish(process: subprocess.Popen) -> str:
    log = process.communicate(timeout=300)[1]
    assert process.returncode == 0, log
    return log


def outcome(runs: Path, app: str) -> tuple[bytes, pandas.DataFrame]:
    [file] = (runs / app).glob("*/seed-1/model.keras")
    with zipfile.ZipFile(file) as archive:
        weights = archive.read("model.weights.h5")
    return weights, pandas.read_csv(file.parent / "history.csv")


@pytest.mark.parametrize("app", RUNS)
def test_a_killed_run_ends_with_the_same_weights(app, tmp_path):
    finish(start(app, tmp_path / "undisturbed"))
    for epoch in sorted(random.Random(7).sample(range(1, 6), 2)):
        kill_after_epoch(start(app, tmp_path / "killed"), epoch)
    log = finish(start(app, tmp_path / "killed"))
    assert "goes on after epoch" in log
    expected, history = outcome(tmp_path / "undisturbed", app)
    received, resumed_history = outcome(tmp_path / "killed", app)
    assert len(history) == 6
    pandas.testing.assert_frame_equal(history, resumed_history, check_exact=True)
    assert received == expected


def test_sigterm_saves_and_says_how_to_go_on(tmp_path):
    process = start("digits", tmp_path)
    for line in process.stderr:
        if "epoch 1/6 done" in line:
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stderr.read()
    assert process.wait() == 1
    assert "The same command goes on from there" in rest
    assert "Traceback" not in rest
    assert not list(tmp_path.rglob("model.keras"))
