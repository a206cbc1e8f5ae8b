"""Two devices train as one does: the same loss after 20 steps at the same global batch. One strategy a process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_DROPOUT = {
    "digits": ["--model.dropout", "0"],
    "cifar10": [],
    "speech": ["--model.dropout", "0"],
    "eeg": ["--model.dropout", "0", "--model.frame-dropout", "0"],
    "captioning": ["--model.dropout", "0"],
    "denoising": [],
}


def apps(*quick: str) -> pytest.MarkDecorator:
    """Parametrizes a test with all apps; of the short tests are only the named ones."""
    return pytest.mark.parametrize(
        "app", [app if app in quick else pytest.param(app, marks=pytest.mark.long) for app in WITHOUT_DROPOUT]
    )


def command(app: str, *flags: str) -> list[str]:
    quick = ["--training.epochs", "1", "--training.steps-per-epoch", "20", "--training.batch-size", "16"]
    return [sys.executable, "-m", f"apps.{app}", "train", "--preset", "demo", *quick, *WITHOUT_DROPOUT[app], *flags]


def environment(runs: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "RUNS_DIR": str(runs), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def loss(runs: Path) -> float:
    file = min(runs.rglob("history*.csv"))
    return float(pandas.read_csv(file)["loss"].iloc[-1])


def train(app: str, runs: Path, *flags: str) -> float:
    answer = subprocess.run(command(app, *flags), cwd=ROOT, env=environment(runs), capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return loss(runs)


@apps("digits", "speech")
def test_two_mirrored_devices_train_as_one(app, tmp_path):
    one = train(app, tmp_path / "one", "--strategy", "one")
    two = train(app, tmp_path / "two", "--strategy", "mirrored", "--cpu-devices", "2")
    assert two == pytest.approx(one, rel=1e-4)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_workers(arguments: list[str], runs: Path) -> list[tuple[int, str]]:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    workers = []
    for index in range(2):
        cluster = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        workers.append(
            subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=environment(runs, TF_CONFIG=cluster),
                stderr=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    logs = [worker.communicate(timeout=900)[1] for worker in workers]
    return [(worker.returncode, log) for worker, log in zip(workers, logs, strict=True)]


@apps("digits")
def test_two_workers_train_as_one_process(app, tmp_path):
    one = train(app, tmp_path / "one", "--strategy", "one")
    for code, log in run_workers(command(app, "--strategy", "multiworker"), tmp_path / "two"):
        assert code == 0, log[-2000:]
    assert loss(tmp_path / "two") == pytest.approx(one, rel=1e-4)
    assert len(list((tmp_path / "two").rglob("model.keras"))) == 1


PLAIN_KERAS = """
import numpy, tensorflow as tf, keras
with tf.distribute.MultiWorkerMirroredStrategy().scope():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
data = tf.data.Dataset.from_tensor_slices((numpy.ones((16, 2), "float32"), numpy.ones((16, 1), "float32"))).batch(8)
model.fit(data, verbose=0)
"""


@pytest.mark.long
def test_keras_still_needs_the_multiworker_repair(tmp_path):
    """When this fails, harness.multiworker.prepare_model has become superfluous: delete it."""
    assert all(code != 0 for code, _ in run_workers([sys.executable, "-c", PLAIN_KERAS], tmp_path))
