"""The idx reader: whatever is wrong in header, length or labels is a DataError that names the file."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import mnist
from datasets.errors import DataError

STORED = Path(os.environ.get("DATASETS_DIR", "/nonexistent")) / "mnist"


def idx(values: np.ndarray) -> bytes:
    """The format as Yann LeCun's page describes it: 0, 0, type 8, axes, sizes as big-endian int32, values."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}i", *values.shape) + values.tobytes()


def written(folder: Path, content: bytes, name="x.gz") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


IMAGES = np.random.default_rng(2).integers(0, 256, (6, 28, 28)).astype(np.uint8)
LABELS = np.array([0, 1, 9, 3, 4, 5], np.uint8)


@settings(max_examples=40, deadline=None)
@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_reads_what_was_written(tmp_path_factory, shape, seed):
    values = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    path = written(tmp_path_factory.mktemp("idx"), gzip.compress(idx(values)))
    np.testing.assert_array_equal(mnist.read_idx(path), values)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 15), value=st.integers(0, 255))
def test_any_change_of_the_header_is_answered(tmp_path_factory, place, value):
    content = bytearray(idx(IMAGES))
    if content[place] == value:
        return
    content[place] = value
    path = written(tmp_path_factory.mktemp("idx"), gzip.compress(bytes(content), 1))
    with pytest.raises(DataError, match=r"x\.gz"):
        mnist.read_idx(path)


@settings(max_examples=100, deadline=None)
@given(length=st.integers(0, 16 + IMAGES.size + 3000))
def test_any_other_length_is_answered(tmp_path_factory, length):
    content = idx(IMAGES)
    if length == len(content):
        return
    path = written(tmp_path_factory.mktemp("idx"), gzip.compress(content.ljust(length, b"\0")[:length], 1))
    with pytest.raises(DataError, match=r"x\.gz"):
        mnist.read_idx(path)


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 0.9999))
def test_any_truncation_of_the_gzip_file_is_answered(tmp_path_factory, share):
    content = gzip.compress(idx(IMAGES))
    path = written(tmp_path_factory.mktemp("idx"), content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"x\.gz"):
        mnist.read_idx(path)


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 0.9999), flip=st.integers(1, 255))
def test_any_changed_byte_of_the_gzip_file_is_answered_or_harmless(tmp_path_factory, place, flip):
    content = bytearray(gzip.compress(idx(IMAGES)))
    content[int(place * len(content))] ^= flip
    path = written(tmp_path_factory.mktemp("idx"), bytes(content))
    try:
        values = mnist.read_idx(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        np.testing.assert_array_equal(values, IMAGES)


@pytest.mark.parametrize(
    "content", [b"", b"text renamed", gzip.compress(b""), gzip.compress(b"text"), idx(IMAGES)], ids=len
)
def test_other_files_are_named(tmp_path, content):
    with pytest.raises(DataError, match=r"x\.gz"):
        mnist.read_idx(written(tmp_path, content))


def test_a_header_that_asks_for_all_memory_is_refused(tmp_path):
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1)
    with pytest.raises(DataError, match="header"):
        mnist.read_idx(written(tmp_path, gzip.compress(header)))


def folder_of(tmp_path, monkeypatch, **changes) -> Path:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    parts = {"train-images": IMAGES, "train-labels": LABELS, "t10k-images": IMAGES[:2], "t10k-labels": LABELS[:2]}
    for name, values in {**parts, **changes}.items():
        kind = "idx3" if "images" in name else "idx1"
        written(tmp_path / "mnist", gzip.compress(idx(values)), f"{name}-{kind}-ubyte.gz")
    return tmp_path / "mnist"


def test_loads_pictures_with_labels_and_digest(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, monkeypatch)
    loaded = mnist.load()
    np.testing.assert_array_equal(loaded.train_images, IMAGES)
    np.testing.assert_array_equal(loaded.test_labels, LABELS[:2])
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    content = b"".join((folder / f"{name}-ubyte.gz").read_bytes() for name in names)
    assert loaded.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train-labels": LABELS[:5]}, r"train-labels.*5 labels for the 6 pictures"),
        ({"t10k-labels": np.append(LABELS[:2], 1).astype(np.uint8)}, r"t10k-labels.*3 labels for the 2 pictures"),
        ({"train-labels": LABELS + np.uint8(1)}, r"train-labels.* label 2: 10, expected 0 to 9"),
        ({"t10k-images": IMAGES[:2, :27]}, r"t10k-images.*2 x 27 x 28"),
        ({"train-images": IMAGES[0]}, r"train-images.*28 x 28 values"),
        ({"train-labels": LABELS[:, None]}, r"train-labels.*6 x 1 labels"),
        ({"train-images": IMAGES[:0], "train-labels": LABELS[:0]}, r"train-images.*0 x 28 x 28"),
    ],
)
def test_what_does_not_belong_together_is_named(tmp_path, monkeypatch, changes, message):
    folder_of(tmp_path, monkeypatch, **changes)
    with pytest.raises(DataError, match=message):
        mnist.load()


@pytest.mark.skipif(not STORED.is_dir(), reason="DATASETS_DIR holds no mnist/")
def test_the_real_files():
    loaded = mnist.load()
    assert loaded.train_images.shape == (60000, 28, 28) and loaded.test_images.shape == (10000, 28, 28)
    # Counts and mean as published everywhere (mean of the training pixels: 0.1307).
    np.testing.assert_array_equal(
        np.bincount(loaded.train_labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    )
    np.testing.assert_array_equal(
        np.bincount(loaded.test_labels), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )
    assert abs(loaded.train_images.mean() / 255 - 0.1307) < 1e-4
    for name, checksum in mnist.CHECKSUMS.items():
        assert "md5:" + hashlib.md5((STORED / name).read_bytes()).hexdigest() == checksum
