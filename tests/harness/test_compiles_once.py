"""TensorFlow compiles the training step in the first epoch and never again, however long utterances and however full batches are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """
import json, runpy, sys
import keras

traced, after_epochs = 0, []
fit, apply = keras.Model.fit, keras.optimizers.Optimizer.apply

def counting_apply(*given, **named):  # Python runs it only while TensorFlow traces the step
    global traced
    traced += 1
    return apply(*given, **named)

def watched_fit(self, *given, callbacks=(), **named):
    after_epochs.append([])
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after_epochs[-1].append(traced))
    return fit(self, *given, callbacks=[*callbacks, count], **named)

keras.Model.fit, keras.optimizers.Optimizer.apply = watched_fit, counting_apply
app = sys.argv.pop(1)
try:
    runpy.run_module(app, run_name="__main__", alter_sys=True)
finally:
    print(json.dumps(after_epochs))
"""


@pytest.mark.parametrize(
    "app",
    [
        "cifar10",
        "speech",
        *(pytest.param(app, marks=pytest.mark.long) for app in ("digits", "eeg", "captioning", "denoising")),
    ],
)
def test_the_step_is_compiled_in_the_first_epoch_alone(app, tmp_path):
    arguments = ["train", "--preset", "demo", "--training.epochs", "3", "--data.limit", "150"]
    answer = subprocess.run(
        [sys.executable, "-c", COUNTING, f"apps.{app}", *arguments],
        cwd=ROOT,
        env={**os.environ, "RUNS_DIR": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    trainings = json.loads(answer.stdout.splitlines()[-1])
    assert trainings
    for counts in trainings:
        assert len(counts) >= 2
        assert counts[0] >= 1
        assert set(counts) == {counts[0]}
