"""What the files and folders are called."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VAGUE = {"utils", "util", "utilities", "common", "helpers", "helper", "misc", "tools"}
EVERY_APP = ("README.md", "config.py", "presets.py", "__main__.py", "app.py", "data.py", "evaluate.py", "figures.py")
APPS = sorted(path.parent for path in (ROOT / "apps").glob("*/app.py"))


def ours() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git clone")
    return [Path(line) for line in listed.stdout.splitlines()]


def test_no_file_or_folder_has_a_name_that_says_nothing():
    wrong = [str(path) for path in ours() if VAGUE & {part.split(".")[0].lower().strip("_") for part in path.parts}]
    assert not wrong, "\n".join(wrong)


def test_no_data_is_kept_in_the_repository():
    data = {".gz", ".bin", ".npz", ".npy", ".wav", ".sph", ".flac", ".edf", ".h5", ".keras", ".zip", ".tar", ".pkl"}
    wrong = [str(path) for path in ours() if path.suffix.lower() in data]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("app", APPS, ids=lambda path: path.name)
def test_every_app_has_the_same_files(app):
    missing = [name for name in (*EVERY_APP, "serve.py", "models/__init__.py") if not (app / name).is_file()]
    assert not missing
