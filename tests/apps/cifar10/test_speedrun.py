"""The speed-run network: its views, its alternating mirror images, and that it learns."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.cifar10 import data, evaluate, models, views
from apps.cifar10.app import APP
from apps.cifar10.config import Config, DataConfig, SpeedrunNetwork
from apps.cifar10.presets import PRESETS
from datasets.errors import DataError
from harness.labelled_pictures import LabelledPictures
from harness.optimizers import build_optimizer
from harness.settings import TrainingConfig

SPEC = {
    "class_names": ["cat", "dog", "eel"], "size": 32, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3,
    "patch_covariance": np.eye(12).tolist(),
}  # fmt: skip
SMALL = SpeedrunNetwork(widths=(8, 16))


def pictures(count: int) -> LabelledPictures:
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
    return LabelledPictures(images, np.arange(count) % 3)


@pytest.fixture(scope="module")
def demo():
    return data.prepare(Config(data=DataConfig(source="demo", size=16, validation_fraction=0.1), model=SMALL))


def test_its_size_is_the_published_one():
    """airbench94: 24 x (4 x 3 + 1) of whitening, 3x3 kernels, one shift a channel, ten classes; moving statistics besides."""
    ten = {**SPEC, "class_names": list("abcdefghij")}
    model = models.build(Config(model=SpeedrunNetwork()), ten)
    kernels = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    channels = 2 * 64 + 4 * 256
    assert model.count_params() == 24 * 13 + kernels + channels + 2 * channels + 256 * 10
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 24 + kernels + channels + 2560


def test_the_whitening_is_learnt_from_training_pictures(demo):
    some = demo.splits["train"].images[:5000].astype(np.float64)
    some = (some - demo.spec["mean"]) / demo.spec["standard_deviation"]
    patches = np.concatenate([some[:, i : 15 + i, j : 15 + j].reshape(-1, 3) for i in (0, 1) for j in (0, 1)], axis=1)
    np.testing.assert_allclose(demo.spec["patch_covariance"], patches.T @ patches / len(patches), atol=1e-4)
    model = models.build(Config(model=SMALL), demo.spec)
    white = keras.Model(model.inputs, model.get_layer("whitening").output)
    values = white(demo.splits["test"].images[:500].astype(np.float32)).numpy()[..., :12].reshape(-1, 12)
    np.testing.assert_allclose(values.T @ values / len(values), np.eye(12), atol=0.15)


def test_pictures_too_small_are_refused():
    with pytest.raises(DataError, match=r"--data.size 8: .* pass 9 or more"):
        data.prepare(Config(data=DataConfig(source="demo", size=8), model=SpeedrunNetwork()))


def test_two_passes_show_both_sides_of_every_picture():
    split = pictures(24)
    config = Config(data=DataConfig(alternating_flip=True, shift=0), model=SMALL, training=TrainingConfig(batch_size=8))
    sides = {image.tobytes(): (i, 0) for i, image in enumerate(split.images)}
    sides |= {image[:, ::-1].tobytes(): (i, 1) for i, image in enumerate(split.images)}
    stream = data.batches(config, SPEC, split, True).as_numpy_iterator()
    passes = [{sides[x.astype(np.uint8).tobytes()] for _ in range(3) for x in next(stream)[0]} for _ in range(4)]
    everything = set(sides.values())
    assert passes[0] | passes[1] == passes[2] | passes[3] == everything
    assert passes[0] == passes[2] and 4 < sum(side for _, side in passes[0]) < 20
    resumed = data.batches(config, SPEC, split, True, first_step=3).as_numpy_iterator()
    assert {sides[x.astype(np.uint8).tobytes()] for _ in range(3) for x in next(resumed)[0]} == passes[1]


def test_without_flip_no_picture_is_mirrored_where_mirroring_alternates():
    split = pictures(24)
    settings = DataConfig(flip=False, alternating_flip=True, shift=0)
    config = Config(data=settings, model=SMALL, training=TrainingConfig(batch_size=8))
    stream = data.batches(config, SPEC, split, True).as_numpy_iterator()
    shown = {x.astype(np.uint8).tobytes() for _ in range(6) for x in next(stream)[0]}
    assert shown == {image.tobytes() for image in split.images}


def test_the_answer_weighs_six_views():
    config, split = Config(model=SMALL), pictures(6)
    model = models.build(config, SPEC)
    padded = np.pad(split.images.astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    expected = 0.0
    for (row, column), weight in {(1, 1): 0.5, (0, 0): 0.25, (2, 2): 0.25}.items():
        view = padded[:, row : row + 32, column : column + 32]
        for side in (view, view[:, :, ::-1]):
            expected = expected + weight / 2 * keras.ops.softmax(model(side))
    np.testing.assert_allclose(views.answer(config, model, tf.constant(split.images)), expected, atol=1e-5)
    predictions = evaluate.predict(config, SPEC, model, split)
    np.testing.assert_allclose(predictions["probabilities"], expected, atol=1e-5)
    one = evaluate.predict(Config(model=replace(SMALL, average_shifts=False)), SPEC, model, split)
    assert np.abs(one["probabilities"] - predictions["probabilities"]).max() > 1e-5


@pytest.mark.parametrize(
    ("preset", "steps"),
    [("speedrun-cifar10", 30), pytest.param("speedrun-nesterov-cifar10", 60, marks=pytest.mark.long)],
)
def test_learns_the_demo_pictures_with_its_own_optimizer(preset, steps, demo):
    """Few steps on synthetic shapes, too few for moving averages: far above the tenth that chance gets right."""
    published = PRESETS[preset].config
    config = Config(
        data=published.data,
        model=replace(SMALL, widths=(16, 32)),
        training=replace(published.training, batch_size=128, ema_momentum=None),
    )
    [phase] = APP.phases(config, demo.spec, demo)
    keras.utils.set_random_seed(0)
    model = phase.build(None)
    whitening = np.asarray(model.get_layer("whitening").kernel)
    model.compile(build_optimizer(config.training, steps), **phase.compile_arguments())
    model.fit(phase.batches(demo.splits["train"], True), steps_per_epoch=steps, verbose=0)
    test = demo.splits["test"].subset(np.arange(200))
    answers = views.answer(config, model, tf.constant(test.images)).numpy().argmax(1)
    assert (answers == test.labels).mean() > 0.4
    np.testing.assert_array_equal(model.get_layer("whitening").kernel, whitening)
