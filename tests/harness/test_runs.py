"""Files of a run are whole or absent, and a disk that refuses is named with what to do."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import DataError
from harness import runs

ROOT = Path(__file__).resolve().parents[2]


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a" / "metrics.json"
    runs.write_json(file, {"accuracy": 0.5})

    def fill(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        runs.write(file, fill)
    assert runs.read_json(file) == {"accuracy": 0.5}
    assert os.listdir(file.parent) == ["metrics.json"]


FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from datasets.errors import DataError
from harness import runs
try:
    runs.write_arrays(Path(sys.argv[1]), {"weights": np.random.default_rng(0).random(100_000)})
except runs.WriteFailed as error:
    print(error)
"""


def test_a_disk_without_room_is_named_and_nothing_half_written_stays(tmp_path):
    """A limit on the size of files stands in for the full disk: the same error, at the same place."""
    answer = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "run" / "last.npz"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)),
    )
    assert answer.stderr == ""
    assert str(tmp_path / "run" / "last.npz") in answer.stdout
    assert "File too large" in answer.stdout
    assert "RUNS_DIR" in answer.stdout
    assert os.listdir(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("Can't write data (file write failed, errno = 28, error message = 'No space left on device')"),
         "No space left on device"),
        (RuntimeError("UNKNOWN: events.out; Read-only file system"), "Read-only file system"),
        (ValueError("an object array"), None),
    ],
)  # fmt: skip
def test_the_disks_words_are_found_in_the_errors_of_other_libraries(error, cause):
    assert runs.disk_trouble(error) == cause


def test_a_run_folder_that_cannot_be_made_is_named_before_the_work_begins(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(runs.WriteFailed, match=r"file/digits/demo.*file is not a folder"):
        runs.check_writable(tmp_path / "file" / "digits" / "demo")
    with pytest.raises(runs.WriteFailed, match="may not be written to"):
        runs.check_writable(Path("/proc/digits/demo"))
    runs.check_writable(tmp_path / "runs" / "digits")
    assert os.listdir(tmp_path) == ["file"]


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises(TypeError, match="names is an object array"):
        runs.write_arrays(tmp_path / "a.npz", {"names": np.array(["a", None], object)})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_checkpoint_cut_short_is_named_with_what_to_do(tmp_path, share):
    file = tmp_path / "train-last.npz"
    runs.write_arrays(file, {"weights": np.arange(1000.0)})
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"train-last\.npz: damaged .*--overwrite"):
        runs.read_arrays(file)


def test_a_checkpoint_with_wrong_bytes_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "train-last.npz"
    runs.write_arrays(file, {"weights": np.arange(1000.0)})
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"train-last\.npz: damaged .*--overwrite"):
        runs.read_arrays(file)
