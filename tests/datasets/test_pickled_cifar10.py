"""CIFAR-10's Python version: read whoever pickled it, and nothing that a pickle names is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import cifar10, pickled_arrays
from datasets.errors import DataError

COUNT = 4
LABELS = [0, 9, 3, 5]


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3)).astype(np.uint8)


def rows() -> np.ndarray:
    return pictures().transpose(0, 3, 1, 2).reshape(COUNT, -1)


def by_python_2(**changes) -> bytes:
    """The bytes that Python 2 and NumPy 1 wrote for the official batches: text as strings of bytes, numpy.core in the array."""
    text = lambda value: b"T" + len(value).to_bytes(4, "little") + value  # noqa: E731
    data = {b"data": rows(), b"labels": LABELS, **changes}
    parts = [b"\x80\x02}("]
    for key, value in data.items():
        parts.append(text(key))
        if isinstance(value, np.ndarray):
            shape = b"".join(b"J" + side.to_bytes(4, "little") for side in value.shape)
            kind = (
                b"cnumpy\ndtype\n("
                + text(b"u1")
                + b"K\x00K\x01tR(K\x03"
                + text(b"|")
                + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            )
            parts.append(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tR")
            parts.append(b"(K\x01(" + shape + b"t" + kind + b"\x89" + text(value.tobytes()) + b"tb")
        else:
            parts.append(b"](" + b"".join(b"J" + item.to_bytes(4, "little", signed=True) for item in value) + b"e")
    return b"".join(parts) + b"u."


def written(folder: Path, content: bytes) -> Path:
    (folder / "data_batch_1").write_bytes(content)
    return folder / "data_batch_1"


@pytest.mark.parametrize(
    "content",
    [
        by_python_2(),
        pickle.dumps({"data": rows(), "labels": LABELS, "batch_label": "training batch 1 of 5"}, protocol=2),
        pickle.dumps({b"data": rows(), b"labels": LABELS, b"filenames": [b"a.png"] * 4}, protocol=4),
        pickle.dumps({"data": np.asfortranarray(rows()), "labels": LABELS}, protocol=4),
    ],
    ids=["python 2", "python 3, protocol 2", "python 3, protocol 4", "column by column"],
)
def test_reads_batches_of_every_python(tmp_path, content):
    images, labels = cifar10.read_pickled_batch(written(tmp_path, content), COUNT)
    np.testing.assert_array_equal(images, pictures())
    np.testing.assert_array_equal(labels, LABELS)


def test_a_whole_batch_pickled_again_by_protocol_2_is_read(tmp_path):
    """Python 3 writes the pixels as text there, every byte above 127 as two."""
    pixels = np.full((cifar10.PICTURES, 3072), 100, np.uint8)
    pixels[:, ::2] = 200
    content = pickle.dumps({b"data": pixels, b"labels": [3] * cifar10.PICTURES}, protocol=2)
    images, _ = cifar10.read_pickled_batch(written(tmp_path, content))
    np.testing.assert_array_equal(images[:, ::2, ::2].reshape(-1), 200)
    assert 44e6 < len(content) < 47e6 and images.shape == (10_000, 32, 32, 3)


def test_a_file_too_large_for_a_batch_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "PYTHON_LARGEST", 1000)
    with pytest.raises(DataError, match="data_batch_1: more than 1,000 bytes, no batch of CIFAR-10"):
        cifar10.read_pickled_batch(written(tmp_path, by_python_2()), COUNT)


def test_our_python_2_bytes_are_what_pickle_reads_as_such_a_batch():
    loaded = pickle.loads(by_python_2(), encoding="bytes")
    np.testing.assert_array_equal(loaded[b"data"], rows())
    assert loaded[b"labels"] == LABELS


class Malicious:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_runs_nothing(tmp_path, protocol):
    trace = tmp_path / "trace"
    harmful = [
        Malicious(os.system, f"touch {trace}"),
        Malicious(eval, f"open({str(trace)!r}, 'w')"),
        Malicious(np.load, str(trace)),
    ]
    for thing in harmful:
        for content in (thing, {"data": thing, "labels": LABELS}, {"data": rows(), "labels": [thing]}):
            with pytest.raises(DataError, match=r"data_batch_1: not a pickle of arrays.* asks for"):
                cifar10.read_pickled_batch(written(tmp_path, pickle.dumps(content, protocol=protocol)), COUNT)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00zipK\x00tR.",
        b"cnumpy\nf2py.os.system\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x11testing.os.system\x93.",
    ],
)
def test_what_an_array_consists_of_serves_for_nothing_else(content):
    with pytest.raises(DataError):
        pickled_arrays.read(content, "batch")


def test_arrays_of_objects_and_of_other_numbers_are_refused(tmp_path):
    for array in (rows().astype(object), rows().astype(np.float32)):
        content = pickle.dumps({"data": array, "labels": LABELS}, protocol=4)
        with pytest.raises(DataError, match="expected unsigned bytes"):
            cifar10.read_pickled_batch(written(tmp_path, content), COUNT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (by_python_2() [:-1], "not a pickle of arrays"),
        (b"", "not a pickle"),
        (pickle.dumps([1, 2]), "a pickled list, expected a dictionary"),
        (pickle.dumps({"labels": LABELS}), r"data missing, expected bytes \[4, 3072\]"),
        (pickle.dumps({"data": rows()[:3], "labels": LABELS}, 4), r"data \[3, 3072\], expected bytes \[4, 3072\]"),
        (pickle.dumps({"data": rows(), "labels": LABELS[:3]}, 4), "3 labels, expected 4"),
        (pickle.dumps({"data": rows(), "fine_labels": LABELS}, 4), "no labels, expected 4"),
        (pickle.dumps({"data": rows(), "labels": [0, 1, 11, 2]}, 4), "picture 2: label 11, expected 0 to 9"),
        (pickle.dumps({"data": rows(), "labels": [0, 1, 2, "cat"]}, 4), "picture 3: label 'cat', expected 0 to 9"),
        (pickle.dumps({"data": rows(), "labels": [0, -1, 2, 3]}, 4), "picture 1: label -1, expected 0 to 9"),
    ],
)  # fmt: skip
def test_damage_is_one_sentence(tmp_path, content, message):
    with pytest.raises(DataError, match=f"data_batch_1.*{message}") as caught:
        cifar10.read_pickled_batch(written(tmp_path, content), COUNT)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 12_000))
def test_any_damage_is_a_data_error_or_harmless(tmp_path_factory, place, value, cut):
    content = bytearray(pickle.dumps({"data": rows(), "labels": LABELS}, protocol=2))
    content[place] = value
    path = written(tmp_path_factory.mktemp("cifar"), bytes(content[: len(content) - cut]))
    try:
        images, labels = cifar10.read_pickled_batch(path, COUNT)
    except DataError:
        return
    assert images.shape == (COUNT, 32, 32, 3) and labels.max() <= 9


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    place = tmp_path / cifar10.PYTHON_FOLDER
    place.mkdir()
    batch = {b"data": np.zeros((cifar10.PICTURES, 3072), np.uint8), b"labels": [7] * cifar10.PICTURES}
    for name in (*cifar10.PYTHON_TRAIN_FILES, cifar10.PYTHON_TEST_FILE):
        (place / name).write_bytes(pickle.dumps(batch, protocol=4))
    return place


def test_the_python_version_is_read_where_the_binary_one_is_absent(folder):
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [n.encode() for n in cifar10.CLASS_NAMES]}, 2))
    loaded = cifar10.load()
    assert loaded.train_images.shape == (50000, 32, 32, 3) and set(loaded.test_labels) == {7}
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"apple", b"bear"]}, 2))
    with pytest.raises(DataError, match=r"batches\.meta: classes apple, bear"):
        cifar10.load()
    (folder / "batches.meta").write_bytes(pickle.dumps({b"num_vis": 3072}, 2))
    with pytest.raises(DataError, match="no list label_names"):
        cifar10.load()
