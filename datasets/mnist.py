"""MNIST: 60,000 + 10,000 handwritten digits, 28 x 28 grey (LeCun, Cortes, Burges)."""

from __future__ import annotations

import gzip
import math
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
LARGEST = 1 << 30
"""Values that one idx file may hold; a damaged header asks for more."""


class Mnist(NamedTuple):
    """Bright ink on black."""

    train_images: np.ndarray
    """uint8 [60000, 28, 28]."""
    train_labels: np.ndarray
    """uint8 [60000], 0 to 9."""
    test_images: np.ndarray
    """uint8 [10000, 28, 28]."""
    test_labels: np.ndarray
    """uint8 [10000]."""
    sha256: str
    """Over the four files, in the order of CHECKSUMS."""


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
    check(paths[0], train_images, paths[1], train_labels)
    check(paths[2], test_images, paths[3], test_labels)
    return Mnist(train_images, train_labels, test_images, test_labels, sha256_of(paths))


def check(image_path: Path, images: np.ndarray, label_path: Path, labels: np.ndarray) -> None:
    """Checks that pictures and labels belong together.

    Raises:
        DataError: not uint8 [n, 28, 28] and [n], or a label above 9.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28) or not len(images):
        raise DataError(f"{image_path}: {_by(images.shape)} values, expected n x 28 x 28; download it again")
    if labels.shape != images.shape[:1]:
        raise DataError(
            f"{label_path}: {_by(labels.shape)} labels for the {len(images)} pictures of {image_path.name}; "
            "download both again"
        )
    if labels.max() > 9:
        place = int(labels.argmax())
        raise DataError(f"{label_path} label {place}: {labels[place]}, expected 0 to 9; download it again")


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped idx file of unsigned bytes, any number of axes.

    Returns:
        uint8, of the shape that its header states; read-only.

    Raises:
        DataError: no gzip, another type, or more or fewer values than its header says.
    """
    try:
        with gzip.open(path, "rb") as stream:
            magic = stream.read(4)
            if len(magic) < 4 or magic[:3] != b"\x00\x00\x08" or not magic[3]:
                raise DataError(
                    f"{path}: not an idx file of unsigned bytes (starts with {magic.hex()}); download it again"
                )
            sizes = stream.read(4 * magic[3])
            shape = struct.unpack(f">{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4])
            expected = math.prod(shape)
            if len(shape) < magic[3] or expected > LARGEST:
                raise DataError(f"{path}: a damaged idx header ({_by(shape)} values); download it again")
            # One byte more than wanted also reads the checksum at the end.
            content = stream.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}); download it again") from error
    if len(content) != expected:
        count = f"more than {expected}" if len(content) > expected else len(content)
        raise DataError(f"{path}: {count} values, its header says {_by(shape)}; download it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
