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
import tensorflow as tf

from harness.batching import on_host
from shared_layers.ctc.loss import ctc_loss
from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.gru import GRU
from shared_layers.recurrent.lstm import LSTM

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

for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)  # the commands under test need the rest

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


@pytest.mark.parametrize(("theirs", "ours"), [(keras.layers.LSTM, LSTM), (keras.layers.GRU, GRU)])
def test_what_cudnn_answers_is_what_the_loop_on_a_cpu_answers(theirs, ours):
    sequences, lengths = keras.random.normal((3, 40, 16), seed=1), np.array([40, 25, 1])
    layers = []
    for kind, options in ((ours, {}), (theirs, {"use_cudnn": False})):
        both = (kind(24, return_sequences=True, name=name, **options) for name in ("forwards", "backwards"))
        layers.append(BidirectionalRecurrent(*both))
    answer = layers[0](sequences, lengths)
    assert "GPU" in answer.device
    with tf.device("CPU"):
        layers[1].build(sequences.shape, lengths.shape)
        layers[1].set_weights(layers[0].get_weights())
        expected = layers[1](sequences, lengths)
    np.testing.assert_allclose(answer, expected, atol=2e-3)  # a GPU multiplies in TF32


def test_ctc_on_a_gpu_is_that_on_a_cpu():
    labels = tf.constant([[0, 1, 1], [2, -1, -1]])
    logits, lengths = tf.random.stateless_normal([2, 9, 4], [0, 1]), tf.constant([9, 5])
    answers = []
    for device in ("GPU", "CPU"):
        with tf.device(device), tf.GradientTape() as tape:
            given = tf.identity(logits)
            tape.watch(given)
            losses = tf.function(ctc_loss)(labels, given, lengths)
        answers.append((losses, tape.gradient(losses, given)))
    for on_gpu, on_cpu in zip(*answers, strict=True):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-6)


def test_examples_in_memory_stay_on_the_host():
    assert "CPU" in on_host(np.zeros(4)).device
