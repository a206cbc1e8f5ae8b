"""The CIFAR-10 reader: whatever is wrong in length, labels or class names is a DataError that names the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import cifar10
from datasets.errors import DataError

STORED = Path(os.environ.get("DATASETS_DIR", "/nonexistent")) / cifar10.FOLDER
COUNT = 4


def batch(seed: int = 0, labels=(0, 9, 3, 5)) -> tuple[bytes, np.ndarray]:
    """Rows as the data set's page describes them: a label, then 1024 red, 1024 green, 1024 blue values, row by row."""
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 32, 32, 3)).astype(np.uint8)
    rows = b""
    for label, image in zip(labels, images, strict=True):
        rows += bytes([label])
        for colour in range(3):
            for line in image:
                rows += bytes(line[:, colour].tolist())
    return rows, images


def written(folder: Path, content: bytes) -> Path:
    (folder / "b.bin").write_bytes(content)
    return folder / "b.bin"


def test_reads_red_green_and_blue_planes(tmp_path):
    content, images = batch()
    read, labels = cifar10.read_batch(written(tmp_path, content), COUNT)
    np.testing.assert_array_equal(read, images)
    np.testing.assert_array_equal(labels, [0, 9, 3, 5])


@settings(max_examples=60, deadline=None)
@given(length=st.one_of(st.integers(0, 5 * cifar10.ROW), st.integers(COUNT * cifar10.ROW - 2, COUNT * cifar10.ROW + 2)))
def test_any_other_length_is_answered(tmp_path_factory, length):
    content, _ = batch()
    if length == len(content):
        return
    path = written(tmp_path_factory.mktemp("cifar"), content.ljust(length, b"\0")[:length])
    with pytest.raises(DataError, match=f"b\\.bin: {length:,} bytes, expected {len(content):,}"):
        cifar10.read_batch(path, COUNT)


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, COUNT - 1), label=st.integers(10, 255))
def test_any_label_above_nine_is_answered(tmp_path_factory, place, label):
    content = bytearray(batch()[0])
    content[place * cifar10.ROW] = label
    path = written(tmp_path_factory.mktemp("cifar"), bytes(content))
    with pytest.raises(DataError, match=f"b\\.bin picture {place}: label {label}, expected 0 to 9"):
        cifar10.read_batch(path, COUNT)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.bin", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            cifar10.read_batch(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    place = tmp_path / cifar10.FOLDER
    place.mkdir()
    for name in (*cifar10.TRAIN_FILES, cifar10.TEST_FILE):
        with (place / name).open("wb") as stream:
            stream.truncate(cifar10.PICTURES * cifar10.ROW)
    return place


def test_class_names_of_another_data_set_are_refused(folder):
    (folder / "batches.meta.txt").write_text("apple\naquarium_fish\n")
    with pytest.raises(DataError, match=r"batches\.meta\.txt.*apple"):
        cifar10.load()


def test_the_class_names_may_be_absent_but_no_batch_may_be_short(folder):
    assert cifar10.load().train_images.shape == (50000, 32, 32, 3)
    with (folder / "data_batch_4.bin").open("ab") as stream:
        stream.truncate(cifar10.PICTURES * cifar10.ROW - 1)
    with pytest.raises(DataError, match=r"data_batch_4\.bin: 30,729,999 bytes, expected 30,730,000"):
        cifar10.load()


@pytest.mark.skipif(not STORED.is_dir(), reason=f"DATASETS_DIR holds no {cifar10.FOLDER}/")
def test_the_real_files():
    loaded = cifar10.load()
    assert loaded.train_images.shape == (50000, 32, 32, 3) and loaded.test_images.shape == (10000, 32, 32, 3)
    assert set(np.bincount(loaded.train_labels)) == {5000} and set(np.bincount(loaded.test_labels)) == {1000}
    # Mean of the training pixels a colour, as published everywhere.
    np.testing.assert_allclose(loaded.train_images.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=1e-4)
    # The first training pictures are a frog and two trucks, the first test pictures a cat and two ships.
    assert [cifar10.CLASS_NAMES[label] for label in loaded.train_labels[:3]] == ["frog", "truck", "truck"]
    assert [cifar10.CLASS_NAMES[label] for label in loaded.test_labels[:3]] == ["cat", "ship", "ship"]
    digest = hashlib.md5((STORED / cifar10.TEST_FILE).read_bytes()).hexdigest()
    assert digest == "803d5f7f4d78ea53de84dbe85f74fb6d"
