"""The denoiser's endpoints, and its answers for a person's files."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from apps.denoising import data, serve
from apps.denoising.config import Config
from datasets.errors import DataError


def endpoints(channels=3, model=None):
    model = model or keras.Sequential([keras.Input((None, None, channels)), keras.layers.Identity()])
    spec = {"channels": channels, "sigma": 25.0}
    return spec, {endpoint.name: endpoint.function for endpoint in serve.endpoints(Config(), spec, model)}


def png(picture):
    return tf.io.encode_png(picture).numpy()


def test_pictures_of_any_size_come_back_in_their_size():
    _, call = endpoints()
    pictures = [
        np.random.default_rng(i).integers(0, 256, (h, w, 3), np.uint8) for i, (h, w) in enumerate([(9, 14), (30, 1)])
    ]
    answer = call["picture_bytes"](tf.constant([png(picture) for picture in pictures]))
    for encoded, picture in zip(answer["cleaned"].numpy(), pictures, strict=True):
        np.testing.assert_array_equal(tf.io.decode_png(encoded), picture)
    np.testing.assert_array_equal(answer["removed"], [0.0, 0.0])


def test_removed_is_the_root_mean_square_of_the_change():
    halve = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(0.5)])
    _, call = endpoints(model=halve)
    answer = call["picture_bytes"](tf.constant([png(np.full((4, 4, 3), 100, np.uint8))]))
    assert float(answer["removed"][0]) == pytest.approx(50.0, abs=1e-3)
    assert (tf.io.decode_png(answer["cleaned"][0]).numpy() == 50).all()


def test_a_grey_model_takes_colour_pictures():
    _, call = endpoints(channels=1)
    answer = call["picture_bytes"](tf.constant([png(np.full((4, 5, 3), 77, np.uint8))]))
    assert tf.io.decode_png(answer["cleaned"][0]).shape == (4, 5, 1)


def test_pixels_are_clipped():
    _, call = endpoints()
    noisy = np.array([-0.5, 0.25, 1.5], np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(call["pixels"](tf.constant(noisy))["cleaned"], [[[[0.0, 0.25, 1.0]]]])


@pytest.mark.parametrize("content", [b"", b"no picture at all", png(np.zeros((20, 20, 3), np.uint8))[:60]])
def test_bytes_that_are_no_picture_are_refused(content):
    _, call = endpoints()
    with pytest.raises(tf.errors.InvalidArgumentError):
        call["picture_bytes"](tf.constant([content]))


def test_too_large_a_picture_is_refused(monkeypatch):
    monkeypatch.setattr(serve, "MOST_MEGAPIXELS", 1)
    _, call = endpoints()
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 1 megapixels"):
        call["picture_bytes"](tf.constant([png(np.zeros((1001, 1000, 3), np.uint8))]))


@pytest.mark.parametrize(
    ("noisy", "said"),
    [
        (np.full((1, 2, 2, 3), np.nan), "around 0..1"),
        (np.full((1, 2, 2, 3), 200.0), "divide 8-bit ones by 255"),
        (np.zeros((0, 2, 2, 3)), "received none"),
        (np.zeros((1, 2, 2, 1)), r"expected shape \[\?,\?,\?,3\]"),
        (np.zeros((2, 2, 3)), "expected shape|expected ndim|rank"),
    ],
)
def test_what_are_no_pixels_of_one_is_refused(noisy, said):
    _, call = endpoints()
    with pytest.raises((tf.errors.InvalidArgumentError), match=said):
        call["pixels"](tf.constant(noisy, tf.float32))


def test_no_pictures_are_refused():
    _, call = endpoints()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at least one PNG.*received none"):
        call["picture_bytes"](tf.constant([], tf.string))


def test_examples_fit_the_endpoints():
    spec, call = endpoints()
    split = data.Stack(np.random.default_rng(0).integers(0, 256, (6, 12, 13, 3), np.uint8))
    examples = serve.examples(Config(), spec, split)
    answer = call["picture_bytes"](tf.constant(examples["picture_bytes"]["pictures"]))
    assert tf.io.decode_png(answer["cleaned"][0]).shape == (12, 13, 3)
    assert call["pixels"](tf.constant(examples["pixels"]["noisy"]))["cleaned"].shape == (4, 12, 13, 3)


def test_a_file_is_cleaned_to_its_own_path_below_the_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    path = Path("..", tmp_path.name, "holiday", "sea.bmp")
    path.parent.mkdir()
    Image.fromarray(picture).save(path)
    spec, call = endpoints()
    outputs = call["picture_bytes"](tf.constant(serve.read(Config(), spec, path)["pictures"]))
    row = serve.answer(Config(), spec, path, {name: value.numpy() for name, value in outputs.items()}, Path("out"))
    assert row == {
        "cleaned": f"out/{tmp_path.name}/holiday/sea.bmp.png", "width": 6, "height": 8, "noise_removed": 0.0,
    }  # fmt: skip
    np.testing.assert_array_equal(np.asarray(Image.open(row["cleaned"])), picture)


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png"):
        serve.read(Config(), {"channels": 3}, tmp_path / "text.png")
