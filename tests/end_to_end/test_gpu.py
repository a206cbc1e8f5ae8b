"""What only a GPU can show: the same weights twice and after a kill, one mirrored GPU, half precision, an export for CPUs."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLED_AT = """
import os, runpy, signal, sys
from harness import training
left = int(sys.argv.pop(1))
step_ended = training.Guard.on_train_batch_end

def step_ended_or_killed(self, batch, logs=None):
    global left
    step_ended(self, batch, logs)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

training.Guard.on_train_batch_end = step_ended_or_killed
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
RELOAD = """
import sys
import tensorflow as tf
assert not tf.config.list_physical_devices("GPU")
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["waveform"](**{"waveforms": tf.zeros([1, 16000]), "lengths": tf.constant([16000])})
print(sorted(answer))
"""


pytestmark = pytest.mark.skipif(not Path("/dev/nvidia0").exists(), reason="there is no NVIDIA GPU here")


def run(runs: Path, app: str, verb: str, *flags: str, killed_at: int | None = None) -> subprocess.CompletedProcess:
    program = ["-m", f"apps.{app}"] if killed_at is None else ["-c", KILLED_AT, str(killed_at), f"apps.{app}"]
    environment = {**os.environ, "RUNS_DIR": str(runs), "TF_CPP_MIN_LOG_LEVEL": "3"}
    short = ["--training.epochs", "3", "--training.steps-per-epoch", "5", "--training.batch-size", "32"]
    command = [sys.executable, *program, verb, "--preset", "demo", *short, *flags]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    expected = 0 if killed_at is None else -signal.SIGKILL
    assert answer.returncode == expected, answer.stderr[-2000:]
    return answer


def folder_of(runs: Path) -> Path:
    return next(runs.rglob("model.keras")).parent


def weights(runs: Path) -> list[np.ndarray]:
    return keras.models.load_model(folder_of(runs) / "model.keras", compile=False).get_weights()


@pytest.mark.parametrize("app", ["digits", "speech"])
def test_a_gpu_gives_the_same_weights_twice_and_after_a_kill(app, tmp_path):
    run(tmp_path / "once", app, "train")
    run(tmp_path / "killed", app, "train", killed_at=8)
    assert "goes on after epoch 1" in run(tmp_path / "killed", app, "train").stderr
    for first, second in zip(weights(tmp_path / "once"), weights(tmp_path / "killed"), strict=True):
        np.testing.assert_array_equal(first, second)
    assert json.loads((folder_of(tmp_path / "once") / "environment.json").read_text())["machine"]["gpu"]
    assert json.loads((folder_of(tmp_path / "once") / "training.json").read_text())["reference_minutes"] is None


def test_one_mirrored_gpu_trains_as_one_without_a_strategy(tmp_path):
    losses = []
    for strategy in ("one", "mirrored"):
        run(tmp_path / strategy, "digits", "train", "--strategy", strategy, "--model.dropout", "0")
        losses.append(pandas.read_csv(folder_of(tmp_path / strategy) / "history.csv")["loss"].iloc[-1])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_on_a_gpu(precision, tmp_path):
    run(tmp_path, "digits", "train", "--training.precision", precision, "--training.steps-per-epoch", "40")
    history = pandas.read_csv(folder_of(tmp_path) / "history.csv")
    assert history["loss"].iloc[-1] < 0.5 * math.log(10)  # a guess costs log 10


def test_an_lstm_trained_on_a_gpu_is_exported_for_a_cpu(tmp_path):
    run(tmp_path, "speech", "run")
    saved = folder_of(tmp_path) / "saved_model"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run([sys.executable, "-c", RELOAD, saved], env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert "text" in answer.stdout
