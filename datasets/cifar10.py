"""CIFAR-10, binary version: 50,000 + 10,000 pictures of ten classes, 32 x 32 RGB (Krizhevsky 2009)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.errors import DataError
from datasets.fetch import Download, ensure, sha256_of

ARCHIVE = Download(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530", ".."
)
FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"
META_FILE = "batches.meta.txt"
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

    Raises:
        DataError: absent and offline, a file of another length, a label above 9, or other class names.
    """
    folder = ensure(FOLDER, [*TRAIN_FILES, TEST_FILE], [ARCHIVE])
    _check_names(folder / META_FILE)
    parts = [read_batch(folder / name) for name in TRAIN_FILES]
    test_images, test_labels = read_batch(folder / TEST_FILE)
    return Cifar10(
        np.concatenate([images for images, _ in parts]),
        np.concatenate([labels for _, labels in parts]),
        test_images,
        test_labels,
        sha256_of([folder / name for name in (*TRAIN_FILES, TEST_FILE)]),
    )


def _check_names(path: Path) -> None:
    """Other data sets come in the same form; the file of class names may be absent."""
    if not path.is_file():
        return
    names = tuple(path.read_text("utf-8", errors="replace").split())
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
    if labels.max() > 9:
        place = int(labels.argmax())
        raise DataError(f"{path} picture {place}: label {labels[place]}, expected 0 to 9; download it again")
    return np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels
