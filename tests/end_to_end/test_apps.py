"""Each app the whole way on data that needs no download: train, evaluate, export, reload with TensorFlow alone, predict."""

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
from PIL import Image

from apps.demo import REQUIRED

ROOT = Path(__file__).resolve().parents[2]
CHECK_ALONE = """
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
assert "tensorflow" in sys.modules
assert not any(name.split(".")[0] in ("shared_layers", "harness", "apps", "datasets") for name in sys.modules)
"""
"""Runs harness/saved_model_check.py where nothing of ours can have been imported."""
SMALL = ["--training.epochs", "1", "--training.steps-per-epoch", "1", "--data.limit", "200"]


def command(arguments, runs, **options):
    environment = {**os.environ, "RUNS_DIR": str(runs), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, **options
    )


@pytest.fixture(scope="module", params=REQUIRED)
def trained(request, tmp_path_factory):
    """(app, runs folder, seed folder) of a finished demo run."""
    runs = tmp_path_factory.mktemp(request.param)
    answer = command(["-m", f"apps.{request.param}", "run", "--preset", "demo"], runs)
    assert answer.returncode == 0, answer.stderr[-3000:]
    [metrics] = (runs / request.param).glob("demo-*/seed-1/metrics.json")
    return request.param, runs, metrics.parent


def saved_model(runs: Path, app: str) -> Path:
    current = (runs / app / "current").read_text().strip()
    return runs / app / current / "saved_model"


def test_it_learns(trained):
    app, _, folder = trained
    metric, sign, bound, _ = REQUIRED[app]
    document = json.loads((folder / "metrics.json").read_text())
    assert sign * document["metrics"][metric]["value"] > sign * bound
    headline = document["metrics"][document["headline"]]
    low, high = headline["interval95"]
    assert low <= headline["value"] <= high
    assert document["dataset"]["sha256"]


def test_the_model_file_holds_no_optimizer(trained):
    with zipfile.ZipFile(trained[2] / "model.keras") as archive:
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    assert len(weights)
    assert "optimizer" not in weights


def test_the_report_stands_alone(trained):
    _, _, folder = trained
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:image/" in report
    assert 'src="http' not in report
    assert 'href="http' not in report
    assert "<script src" not in report


def test_the_saved_model_loads_with_tensorflow_alone_and_answers_alike(trained, tmp_path):
    app, runs, _ = trained
    model = saved_model(runs, app)
    check = ROOT / "harness" / "saved_model_check.py"
    arguments = ["-c", CHECK_ALONE, check, model, model.parent / "export_examples.json", "1e-3"]
    answer = subprocess.run([sys.executable, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert json.loads(answer.stdout.splitlines()[-1])["failures"] == []
    assert json.loads((model.parent / "export_examples.json").read_text())
    assert (
        "Intended use" in (model.parent / "MODEL_CARD.md").read_text()
        or "intended use" in (model.parent / "MODEL_CARD.md").read_text()
    )


def sample(app: str, folder: Path) -> Path:
    generator = np.random.default_rng(0)
    if app == "speech":
        soundfile.write(folder / "noise.flac", 0.1 * generator.standard_normal(24_000), 24_000)
        return folder / "noise.flac"
    if app == "eeg":
        np.save(folder / "trial.npy", 1e-5 * generator.standard_normal((64, 256)))
        return folder / "trial.npy"
    picture = np.full((90, 70, 3), 240, np.uint8)
    picture[20:70, 30:38] = 30
    Image.fromarray(picture).save(folder / "photo.png")
    return folder / "photo.png"


def test_predict_answers_for_files_and_folders(trained, tmp_path):
    app, runs, _ = trained
    file = sample(app, tmp_path)
    answer = command(["-m", f"apps.{app}", "predict", tmp_path, file, "--json", "--output", tmp_path / "out"], runs)
    assert answer.returncode == 0, answer.stderr[-2000:]
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(rows) >= 2
    assert rows[0] == rows[-1]


def test_bad_files_are_answered_in_one_sentence(trained, tmp_path):
    app, runs, _ = trained
    ending = sample(app, tmp_path).suffix
    bad = {
        "absent": tmp_path / f"absent{ending}",
        "empty": tmp_path / f"empty{ending}",
        "text": tmp_path / f"text{ending}",
    }
    bad["empty"].touch()
    bad["text"].write_text("this is text, renamed")
    answer = command(["-m", f"apps.{app}", "predict", *bad.values(), "--output", tmp_path / "out"], runs)
    assert answer.returncode == 1
    lines = answer.stderr.strip().splitlines()
    assert len(lines) == 3, answer.stderr
    for line, path in zip(lines, bad.values(), strict=True):
        assert path.name in line
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["train", "--data", "no/such/place"], 1, "no/such/place"),
        (["train", "--training.epochs", "soon"], 2, "--training.epochs"),
        (["train", "--preset", "none"], 2, "no preset 'none'"),
        (["train", "--preset", "demo", *SMALL, "--training.start-from", "no/run"], 1, "no/run: no model.keras there"),
        (["evaluate", "--model", "no/such/run"], 1, "no/such/run"),
        (["predict"], 2, "needs files"),
    ],
)
@pytest.mark.parametrize("app", ["digits", *(pytest.param(app, marks=pytest.mark.long) for app in list(REQUIRED)[1:])])
def test_bad_commands_are_answered_in_one_sentence(app, arguments, code, said, tmp_path):
    answer = command(["-m", f"apps.{app}", *arguments], tmp_path)
    assert answer.returncode == code, answer.stderr
    lines = [line for line in answer.stderr.strip().splitlines() if "train, " not in line]
    assert len(lines) == 1, answer.stderr
    assert said in lines[0]
    assert not list(tmp_path.iterdir())


def test_an_unwritable_run_folder_is_named_before_the_data_are_read():
    answer = command(["-m", "apps.digits", "train", "--preset", "demo"], "/dev/null/runs")
    assert answer.returncode == 1
    [line] = answer.stderr.strip().splitlines()
    assert "/dev/null/runs" in line and "RUNS_DIR" in line


def test_a_disk_that_fills_up_in_training_is_named_and_nothing_half_written_stays(tmp_path):
    """A limit on the size of files stands in for the full disk: the settings fit, the first checkpoint does not."""
    answer = command(
        ["-m", "apps.digits", "train", "--preset", "demo", *SMALL],
        tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert answer.returncode == 1
    line = answer.stderr.strip().splitlines()[-1]
    assert "npz: cannot be written (File too large)" in line and "give the same command again" in line
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir())
