"""CIFAR-10, binary or Python version: 50,000 + 10,000 pictures of ten classes, 32 x 32 RGB (Krizhevsky 2009)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets import pickled_arrays
from datasets.errors import DataError
from datasets.fetch import Download, data_folder, ensure, sha256_of

ARCHIVE = Download(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530", ".."
)
FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"
META_FILE = "batches.meta.txt"
PYTHON_ARCHIVE = Download(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a", ".."
)
PYTHON_FOLDER = "cifar-10-batches-py"
PYTHON_TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
PYTHON_TEST_FILE = "test_batch"
PYTHON_META_FILE = "batches.meta"
PYTHON_LARGEST = 64 * 2**20
"""Bytes of a pickled batch; the official ones have 31 million, and 44 million where Python 3 wrote them by protocol 2."""
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PICTURES = 10_000
ROW = 1 + 3 * 32 * 32


class Cifar10(NamedTuple):
    """All pictures and labels."""

    train_images: np.ndarray
    """uint8 [50000, 32, 32, 3]."""
    train_labels: np.ndarray
    """uint8 [50000], 0 to 9."""
    test_images: np.ndarray
    test_labels: np.ndarray
    sha256: str


def load() -> Cifar10:
    """Reads the six official files from DATASETS_DIR/cifar-10-batches-bin, downloading them where they are missing.

    Where that folder is absent and DATASETS_DIR/cifar-10-batches-py is there (unpacked, or with cifar-10-python.tar.gz in it),
    the Python version is read instead; its pickles run nothing.

    Raises:
        DataError: absent and offline, a file of another length, a label above 9, or other class names.
    """
    if (data_folder() / PYTHON_FOLDER).is_dir() and not (data_folder() / FOLDER).is_dir():
        files = (*PYTHON_TRAIN_FILES, PYTHON_TEST_FILE)
        folder = ensure(PYTHON_FOLDER, files, [PYTHON_ARCHIVE])
        _check_pickled_names(folder / PYTHON_META_FILE)
        return _joined(folder, files, read_pickled_batch)
    files = (*TRAIN_FILES, TEST_FILE)
    folder = ensure(FOLDER, files, [ARCHIVE])
    _check_names(folder / META_FILE)
    return _joined(folder, files, read_batch)


def _joined(folder: Path, files: Sequence[str], read: Callable[[Path], tuple[np.ndarray, np.ndarray]]) -> Cifar10:
    *train, (test_images, test_labels) = [read(folder / name) for name in files]
    return Cifar10(
        np.concatenate([images for images, _ in train]),
        np.concatenate([labels for _, labels in train]),
        test_images,
        test_labels,
        sha256_of([folder / name for name in files]),
    )


def _check_names(path: Path) -> None:
    """Other data sets come in the same form; the file of class names may be absent."""
    if not path.is_file():
        return
    _compare_names(path, tuple(path.read_text("utf-8", errors="replace").split()))


def _check_pickled_names(path: Path) -> None:
    if not path.is_file():
        return
    meta = _read_pickle(path)
    stored = _field(meta, "label_names") if isinstance(meta, dict) else None
    if not isinstance(stored, list):
        raise DataError(f"{path}: no list label_names, expected the meta file of CIFAR-10; take the official archive")
    _compare_names(path, tuple(name.decode("latin1") if isinstance(name, bytes) else str(name) for name in stored))


def _compare_names(path: Path, names: tuple[str, ...]) -> None:
    if names != CLASS_NAMES:
        raise DataError(f"{path}: classes {', '.join(names[:3])} ..., expected CIFAR-10's; take the official archive")


def read_batch(path: Path, pictures: int = PICTURES) -> tuple[np.ndarray, np.ndarray]:
    """Reads one .bin file of so many pictures.

    Returns:
        pictures uint8 [pictures, 32, 32, 3] and labels uint8 [pictures].

    Raises:
        DataError: another length, or a label above 9.
    """
    expected = pictures * ROW
    try:
        with path.open("rb") as stream:
            content = np.frombuffer(stream.read(expected + 1), np.uint8)
            length = stream.seek(0, 2)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if length != expected:
        raise DataError(
            f"{path}: {length:,} bytes, expected {expected:,} (CIFAR-10's binary version); download it again"
        )
    rows = content.reshape(pictures, ROW)
    labels = rows[:, 0].copy()
    _check_labels(path, labels)
    return _upright(rows[:, 1:]), labels


def read_pickled_batch(path: Path, pictures: int = PICTURES) -> tuple[np.ndarray, np.ndarray]:
    """Reads one pickled batch of so many pictures: a dictionary of the array `data` and the list `labels`. Runs nothing of it.

    Returns:
        pictures uint8 [pictures, 32, 32, 3] and labels uint8 [pictures].

    Raises:
        DataError: no such pickle, another number of pictures or labels, or a label that is not 0 to 9.
    """
    batch = _read_pickle(path)
    if not isinstance(batch, dict):
        raise DataError(f"{path}: a pickled {type(batch).__name__}, expected a dictionary; take the official archive")
    data, labels = _field(batch, "data"), _field(batch, "labels")
    if not isinstance(data, np.ndarray) or data.shape != (pictures, ROW - 1):
        shape = list(data.shape) if isinstance(data, np.ndarray) else "missing"
        raise DataError(f"{path}: data {shape}, expected bytes [{pictures}, {ROW - 1}]; download it again")
    if not isinstance(labels, list) or len(labels) != pictures:
        count = len(labels) if isinstance(labels, list) else "no"
        raise DataError(f"{path}: {count} labels, expected {pictures}; download it again")
    for place, label in enumerate(labels):
        if type(label) is not int or not 0 <= label <= 9:
            raise DataError(f"{path} picture {place}: label {label!r:.40}, expected 0 to 9; download it again")
    return _upright(data), np.array(labels, np.uint8)


def _read_pickle(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            content = stream.read(PYTHON_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > PYTHON_LARGEST:
        raise DataError(f"{path}: more than {PYTHON_LARGEST:,} bytes, no batch of CIFAR-10; take the official archive")
    return pickled_arrays.read(content, str(path))


def _field(batch: dict[Any, Any], name: str) -> Any:
    """Returns a field of a pickle that Python 2 (its text is bytes) or Python 3 wrote."""
    return batch.get(name.encode(), batch.get(name))


def _check_labels(path: Path, labels: np.ndarray) -> None:
    if labels.max() > 9:
        place = int(labels.argmax())
        raise DataError(f"{path} picture {place}: label {labels[place]}, expected 0 to 9; download it again")


def _upright(rows: np.ndarray) -> np.ndarray:
    """Returns planes of red, green and blue [n, 3072] as pictures [n, 32, 32, 3]."""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
