"""The denoiser's data: splits, noise, folders."""

import numpy as np
import pytest
from PIL import Image

from apps.denoising import data
from apps.denoising.config import Config, DataConfig
from datasets.errors import DataError
from harness.settings import TrainingConfig


def noise_config(**options):
    return Config(data=DataConfig(source="demo", **options), training=TrainingConfig(batch_size=16, seed=3))


def write_picture(path, height, width, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        write_picture(tmp_path / "photos" / f"{index:02d}.png", 40 + index, 50, index)
    write_picture(tmp_path / "photos" / "tiny.png", 5, 50)
    (tmp_path / "photos" / "text.png").write_text("not a picture")
    return tmp_path / "photos"


def test_demo_splits_share_no_picture():
    prepared = data.prepare(noise_config())
    assert [len(prepared.splits[name]) for name in ("train", "validation", "test")] == [1327, 70, 400]
    assert prepared.spec == {"channels": 1, "sigma": 25.0}
    everything = np.concatenate([split.images for split in prepared.splits.values()])
    assert everything.shape == (1797, 16, 16, 1)
    assert len(np.unique(everything.reshape(1797, -1), axis=0)) > 1790


def test_limit_leaves_validation_and_test_alone():
    whole, limited = (data.prepare(noise_config(limit=limit)).splits for limit in (None, 100))
    assert len(limited["train"]) == 100
    np.testing.assert_array_equal(limited["validation"].images, whole["validation"].images)


def test_training_noise_has_the_level_is_not_clipped_and_is_drawn_anew():
    config = noise_config(sigma=50.0)
    prepared = data.prepare(config)
    stream = iter(data.batches(config, prepared.spec, prepared.splits["train"], True))
    (first, clean), (second, other) = next(stream), next(stream)
    noise = (first - clean).numpy()
    assert abs(noise.std() - 50 / 255) < 0.01
    assert first.numpy().min() < 0 and first.numpy().max() > 1
    assert np.abs(noise - (second - other).numpy()).max() > 0.1


def test_training_resumes_at_any_step():
    config = noise_config()
    prepared = data.prepare(config)
    split = prepared.splits["train"]
    whole = list(data.batches(config, prepared.spec, split, True).take(5))
    late = next(iter(data.batches(config, prepared.spec, split, True, first_step=4)))
    for expected, received in zip(whole[4], late, strict=True):
        np.testing.assert_array_equal(expected, received)


def test_training_pictures_are_mirrored_and_stay_themselves():
    config = noise_config()
    images = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(1, 3, 6, 1).repeat(16, 0)
    _, clean = next(iter(data.batches(config, {}, data.Stack(images), True)))
    forms = {images[0, ::v, ::h].tobytes() for v in (1, -1) for h in (1, -1)}
    seen = {np.round(picture * 255).astype(np.uint8).tobytes() for picture in clean.numpy()}
    assert seen <= forms and len(seen) > 1


def test_validation_is_the_same_every_time():
    config = noise_config()
    prepared = data.prepare(config)
    one, two = (list(data.batches(config, prepared.spec, prepared.splits["validation"], False)) for _ in range(2))
    assert sum(len(x) for x, _ in one) == 70
    for (x, _), (again, _) in zip(one, two, strict=True):
        np.testing.assert_array_equal(x, again)


def test_noise_of_a_test_picture_depends_on_nothing_but_its_place():
    split = data.Stack(np.random.default_rng(0).integers(0, 256, (300, 12, 12, 3), np.uint8))
    fixed = data.fixed_pictures(split, seed=0)
    assert len(fixed.indices) == 200 and len(np.unique(fixed.indices)) == 200
    for place in (0, 199):
        index = fixed.indices[place]
        np.testing.assert_array_equal(fixed.noisy(25)[place], data.noisy_picture(split.picture(index), index, 25, 0))
    np.testing.assert_allclose(
        fixed.noisy(50) - fixed.clean / 255, 2 * (fixed.noisy(25) - fixed.clean / 255), atol=1e-6
    )


def test_folder_is_cut_into_crops_and_counts_what_it_leaves_out(folder):
    prepared = data.prepare(Config(data=DataConfig(source=str(folder), crop=16)))
    assert prepared.dropped == {
        "unreadable picture": 1,
        "picture with a side under 16 pixels": 1,
    } or prepared.dropped == {
        "unreadable picture": 1,
        "picture with a side under 11 pixels": 1,
    }
    assert prepared.splits["train"].images.shape[1:] == (16, 16, 3)
    test = prepared.splits["test"]
    assert len(test) == 1 and test.picture(0).shape[1:] == (50, 3)
    again = data.prepare(Config(data=DataConfig(source=str(folder), crop=16)))
    np.testing.assert_array_equal(prepared.splits["train"].images, again.splits["train"].images)


def test_crops_are_parts_of_their_picture_and_bounded(folder):
    files = data.Files([folder / "03.png"], grey=False)
    picture = files.picture(0)
    cut = data.crops(files, 16, seed=1)
    assert len(cut) == 2 * (43 // 16) * (50 // 16)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (16, 16, 3)).reshape(-1, 16 * 16 * 3)
    for crop in cut:
        assert (windows == crop.reshape(-1)).all(axis=1).any()
    assert len(data.crops(files, 16, seed=1, most_bytes=3 * 16 * 16 * 3)) == 3


def test_folder_for_a_trained_model_is_all_test(folder):
    prepared = data.prepare(Config(data=DataConfig(source=str(folder))), {"channels": 1, "sigma": 25.0})
    assert list(prepared.splits) == ["test"] and len(prepared.splits["test"]) == 12
    assert prepared.splits["test"].picture(0).shape == (40, 50, 1)


def test_folder_with_its_own_split(tmp_path):
    for name, count in (("train", 3), ("validation", 2), ("test", 1)):
        for index in range(count):
            write_picture(tmp_path / name / f"{index}.jpg", 32, 32, index)
    splits = data.prepare(Config(data=DataConfig(source=str(tmp_path), crop=32))).splits
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [6, 4, 1]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: None, "there is no such folder"),
        (lambda p: p.mkdir(), "no file there ends in .png"),
        (lambda p: write_picture(p / "one.png", 70, 70), "no picture is left for"),
        (
            lambda p: write_picture(p / "train" / "one.png", 70, 70),
            "train/, validation/, test/ are expected, all three",
        ),
    ],
)
def test_unusable_folders_are_refused(tmp_path, make, message):
    make(tmp_path / "own")
    with pytest.raises(DataError, match=message) as caught:
        data.prepare(Config(data=DataConfig(source=str(tmp_path / "own"))))
    assert str(tmp_path / "own") in str(caught.value)


@pytest.mark.parametrize("options, message", [({"sigma": 0}, "--data.sigma 0"), ({"crop": 4}, "--data.crop 4")])
def test_senseless_settings_are_refused(folder, options, message):
    with pytest.raises(DataError, match=message):
        data.prepare(Config(data=DataConfig(source=str(folder), **options)))
