"""Every preset trains: two steps on a small sample of data that needs no download."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = sorted(path.parent.name for path in (ROOT / "apps").glob("*/app.py"))
SMALL = ["--data.source", "demo", "--data.limit", "256", "--training.epochs", "1", "--training.steps-per-epoch", "2",
         "--training.batch-size", "8"]  # fmt: skip
FURTHER = {
    "digits": ["--data.limit", "600"],  # verification needs validation pairs of the seen digits
    "eeg": ["--data.fold", "1"],
}
TRAIN_ALL = """
import importlib, json, sys
from harness import commands
app, flags = sys.argv[1], sys.argv[2:]
config, presets, application = (importlib.import_module(f"apps.{app}.{name}") for name in ("config", "presets", "app"))
codes = {
    preset: commands.main(
        app, config.Config, presets.PRESETS, presets.DEFAULT, lambda: application.APP, ["train", "--preset", preset, *flags]
    )
    for preset in presets.PRESETS
}
print(json.dumps(codes))
"""
"""All presets of an app in one process, which imports TensorFlow once; prints preset -> exit code."""


@pytest.mark.long
@pytest.mark.parametrize("app", APPS)
def test_every_preset_takes_two_steps(app, tmp_path):
    folders = {"RUNS_DIR": str(tmp_path / "runs"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    answer = subprocess.run(
        [sys.executable, "-c", TRAIN_ALL, app, *SMALL, *FURTHER.get(app, [])],
        cwd=ROOT,
        env={**os.environ, **folders, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    codes = json.loads(answer.stdout.splitlines()[-1])
    assert codes and set(codes.values()) == {0}, f"{codes}\n{answer.stderr[-3000:]}"
    for preset in codes:
        [history] = (tmp_path / "runs" / app).glob(f"{preset}-????????/**/history.csv")
        [loss] = pandas.read_csv(history)["loss"]
        assert math.isfinite(loss), preset
        assert (history.parent / "model.keras").is_file()
