"""A run's folder: where it is, and writing into it so that a file is either whole or absent."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import DataError
from harness.settings import identity

ROOT = Path(__file__).resolve().parent.parent
RUNS = Path(os.environ.get("RUNS_DIR", ROOT / "runs"))

PARTIAL = ".partial-"
"""How the name of a file begins that is being written."""


def seed_folder(app: str, preset: str, config: Any) -> Path:
    """Returns runs/<app>/<preset>-<hash>/seed-<n>: the same configuration and seed always find the same folder."""
    return RUNS / app / f"{preset}-{identity(config)}" / f"seed-{config.training.seed}"


def fold_folder(folder: Path, fold: str | None) -> Path:
    """Returns the folder of one fold, or the seed's own folder without one."""
    return folder if fold is None else folder / f"fold-{fold}"


class WriteFailed(Exception):
    """A file cannot be written: a full disk, a folder that may not be written to."""

    def __init__(self, path: Path, cause: str):
        super().__init__(
            f"{path}: cannot be written ({cause}); make room there or choose another folder with RUNS_DIR "
            "(--output for what predict writes), then give the same command again"
        )


def check_writable(folder: Path) -> None:
    """Checks before long work that `folder` can be made or written to. Makes nothing.

    Raises:
        WriteFailed: it cannot.
    """
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise WriteFailed(folder, f"{existing} is not a folder")
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise WriteFailed(folder, f"{existing} may not be written to: {error.strerror}") from error


def write(path: Path, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write a temporary file beside `path`, then renames it to `path`.

    Raises:
        WriteFailed: no room, or no right to; nothing is left behind then.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        fill(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except Exception as error:
        cause = disk_trouble(error)
        if cause is None:
            raise
        raise WriteFailed(path, cause) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Removes what a killed process was writing below a run's folder."""
    for file in folder.rglob(f"{PARTIAL}*"):
        file.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Removes a run's folder, and the folders around it that are empty without it, up to runs/."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in folder.parents:
        if RUNS in parent.parents:
            with contextlib.suppress(OSError):  # other runs are in it
                parent.rmdir()


def disk_trouble(error: Exception) -> str | None:
    """Returns in a few words what the disk refused, or None for an error of another kind.

    HDF5 and TensorFlow wrap the system's error in exceptions of their own, with its words in the message.
    """
    if isinstance(error, OSError) and error.errno:
        return error.strerror
    words = (os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES))
    return next((cause for cause in words if cause.lower() in str(error).lower()), None)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as a whole."""
    write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Writes JSON as a whole."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        DataError: absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); the run is not whole, train it again") from error
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); train the run again with --overwrite") from error


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Writes named arrays as .npz without pickling.

    Raises:
        TypeError: an object array.
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype == object:
            raise TypeError(f"{name} is an object array; use a fixed-width string or a number type")

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    write(path, fill)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote.

    Raises:
        DataError: a damaged file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); pass --overwrite to train anew") from error


def code_version() -> str:
    """Returns the commit of the working tree, with "-dirty" where tracked files differ from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
    )
    return answer.stdout.strip() or "unknown"


def say(message: str) -> None:
    """Prints a line of progress on stderr."""
    print(message, file=sys.stderr, flush=True)
