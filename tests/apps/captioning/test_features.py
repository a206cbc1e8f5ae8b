import shutil

import keras
import numpy as np
import pytest

from apps.captioning import features
from apps.captioning.models.mobilenet import build_mobilenet
from datasets.errors import DataError


@pytest.fixture
def encoder():
    keras.utils.set_random_seed(5)
    pictures = keras.Input((16, 16, 3))
    grid = keras.layers.Conv2D(4, 3, strides=4, padding="same")(keras.layers.Rescaling(1 / 127.5, -1.0)(pictures))
    return keras.Model(pictures, keras.layers.Reshape((-1, 4))(grid))


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (10 + 3 * n, 20, 3), np.uint8) for n in range(5)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "cache_folder", lambda: tmp_path)
    return tmp_path


def compute(encoder, pictures, checksum="x", read=lambda picture: picture):
    return features.cached_features(encoder, pictures, checksum, read)


def test_features_are_the_encoders_and_those_of_the_mirror_images(encoder, pictures):
    found = compute(encoder, pictures)
    assert found.dtype == np.float16 and found.shape == (5, 2, 16, 4)
    for number, picture in enumerate(pictures):
        for side, seen in enumerate((picture, picture[:, ::-1])):
            expected = encoder(features.resize(seen[None].copy(), 16))[0]
            np.testing.assert_allclose(found[number, side], expected, rtol=2e-3, atol=2e-3)


def test_second_time_comes_from_the_disk_and_cannot_be_written(encoder, pictures):
    first = np.array(compute(encoder, pictures))

    def read(picture):
        raise AssertionError("computed again")

    second = compute(encoder, pictures, read=read)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="read-only"):
        second[0] = 0


def test_other_weights_or_pictures_are_computed_anew(encoder, pictures, folder):
    before = np.array(compute(encoder, pictures))
    compute(encoder, pictures, checksum="y")
    encoder.layers[2].kernel.assign(encoder.layers[2].kernel * 2)
    assert np.abs(before - compute(encoder, pictures)).max() > 0.1
    assert len(list(folder.iterdir())) == 3


def test_nothing_half_written_is_left(encoder, pictures, folder):
    def read(picture):
        raise DataError("b.jpg: damaged")

    with pytest.raises(DataError):
        compute(encoder, pictures, read=read)
    assert not list(folder.iterdir())


def test_weights_that_are_not_there_are_named():
    with pytest.raises(DataError, match=r"nowhere\.h5: no such file .*--model.encoder-weights imagenet"):
        build_mobilenet(96, 0.35, "nowhere.h5")


def test_weights_that_do_not_fit_are_named(tmp_path):
    (tmp_path / "wrong.h5").write_bytes(b"text")
    with pytest.raises(DataError, match=r"wrong\.h5: not the weights of MobileNetV2 alpha 0.35"):
        build_mobilenet(96, 0.35, str(tmp_path / "wrong.h5"))


def test_published_weights_that_cannot_be_downloaded_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))

    def offline(*args, **kwargs):
        raise Exception("URL fetch failure on https://storage.googleapis.com/...: None -- unreachable")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    monkeypatch.setattr("keras.src.applications.mobilenet_v2.file_utils.get_file", offline)
    with pytest.raises(DataError, match=r"could not be downloaded .*pass --model.encoder-weights"):
        build_mobilenet(96, 0.35, "imagenet")


def test_a_disk_without_room_is_named_before_the_mapped_file_is_made(encoder, pictures, folder, monkeypatch):
    room = shutil.disk_usage(folder)
    monkeypatch.setattr(features.shutil, "disk_usage", lambda place: room._replace(free=100))
    with pytest.raises(DataError, match=rf"{folder}: the encoder's features need 0 MB, 0 MB are free; make room"):
        compute(encoder, pictures)
    assert list(folder.iterdir()) == []
