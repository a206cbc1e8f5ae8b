"""MNIST: 60,000 + 10,000 handwritten digits, 28 x 28 grey (LeCun, Cortes, Burges)."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.errors import DataError
from datasets.fetch import Download, ensure, sha256_of

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}


class Mnist(NamedTuple):
    """Bright ink on black."""

    train_images: np.ndarray
    """uint8 [60000, 28, 28]."""
    train_labels: np.ndarray
    """uint8 [60000], 0 to 9."""
    test_images: np.ndarray
    test_labels: np.ndarray
    sha256: str


def load() -> Mnist:
    """Reads the four official files from DATASETS_DIR/mnist, downloading them where they are missing.

    Raises:
        DataError: absent and offline, damaged, or pictures and labels of unequal count.
    """
    folder = ensure(
        "mnist", list(CHECKSUMS), [Download(ADDRESS + name, checksum) for name, checksum in CHECKSUMS.items()]
    )
    paths = [folder / name for name in CHECKSUMS]
    train_images, train_labels, test_images, test_labels = (read_idx(path) for path in paths)
    for images, labels, path in ((train_images, train_labels, paths[1]), (test_images, test_labels, paths[3])):
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(f"{path}: labels {labels.shape} for pictures {images.shape}; download the four files again")
        if labels.size and labels.max() > 9:
            raise DataError(f"{path}: label {labels.max()}, expected 0 to 9")
    return Mnist(train_images, train_labels, test_images, test_labels, sha256_of(paths))


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped idx file of unsigned bytes, any number of axes.

    Raises:
        DataError: no gzip, another type, or more or fewer values than its header says.
    """
    try:
        with gzip.open(path, "rb") as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}); download it again") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(
            f"{path}: not an idx file of unsigned bytes (starts with {content[:4].hex()}, expected 000008..)"
        )
    axes = content[3]
    start = 4 + 4 * axes
    if axes == 0 or len(content) < start:
        raise DataError(f"{path}: its header breaks off")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = int(np.prod(shape, dtype=object))
    if len(content) - start != expected:
        raise DataError(
            f"{path}: {len(content) - start} values, its header says {' x '.join(map(str, shape))}; download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
