"""Digits: distortion, the two forms of LeNet-5."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from apps.digits import models
from apps.digits.config import Config, DataConfig, LeNet5
from apps.digits.data import distort, prepare

SPEC = {"class_names": [str(i) for i in range(10)]}


def test_distort_rotates_as_scipy_does():
    """All pictures turn by some angle up to 30 degrees; the one found by matching must reproduce the picture."""
    image = np.zeros((28, 28), np.float32)
    image[6:22, 12:16] = 255
    image[6:10, 12:22] = 255
    turned = distort(tf.constant(image[None]), tf.constant([0, 5]), DataConfig(rotation=30)).numpy()[0]
    angles = np.linspace(-30, 30, 241)
    errors = [np.abs(scipy.ndimage.rotate(image, a, reshape=False, order=1) - turned).mean() for a in angles]
    assert min(errors) < 1.5 < np.abs(image - turned).mean()


def test_distort_follows_its_seed_and_stays_within_its_shift():
    images = np.zeros((64, 28, 28), np.float32)
    images[:, 13:15, 13:15] = 1.0
    data = DataConfig(shift=3)
    moved = distort(tf.constant(images), tf.constant([1, 2]), data).numpy()
    again = distort(tf.constant(images), tf.constant([1, 2]), data).numpy()
    other = distort(tf.constant(images), tf.constant([1, 3]), data).numpy()
    np.testing.assert_array_equal(moved, again)
    assert np.abs(moved - other).max() > 0
    centres = np.array([scipy.ndimage.center_of_mass(picture) for picture in moved]) - 13.5
    assert 2 < np.abs(centres).max() <= 3 + 1e-3


def test_distort_leaves_a_share_of_the_pictures_as_they_are():
    images = tf.constant(np.random.default_rng(0).random((1000, 28, 28), np.float32))
    moved = distort(images, tf.constant([1, 2]), DataConfig(rotation=10, plain_share=0.3))
    same = (moved == images).numpy().all(axis=(1, 2))
    assert 0.25 < same.mean() < 0.35
    everything_moved = distort(images, tf.constant([1, 2]), DataConfig(rotation=10))
    np.testing.assert_array_equal(moved[~same], everything_moved[~same])


@pytest.mark.parametrize(("form", "expected"), [("max_pool", 61_706), ("paper", 61_706 + 2 * (6 + 16))])
def test_lenet5_has_its_published_size(form, expected):
    """156 + 2,416 + 48,120 + 10,164 + 850, with C3 fully connected; sub-sampling adds a coefficient and a bias a map."""
    model = models.build(Config(model=LeNet5(form=form)), SPEC)
    assert model.count_params() == expected
    assert model(np.zeros((2, 28, 28), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("form", ["max_pool", "paper"])
def test_it_can_learn_a_handful_of_pictures_by_heart(form):
    keras.utils.set_random_seed(0)
    prepared = prepare(Config(data=DataConfig(source="demo")))
    few = prepared.splits["train"].subset(np.arange(64))
    model = models.build(Config(model=LeNet5(form=form)), prepared.spec)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(few.images.astype(np.float32), few.labels, batch_size=32, epochs=40, verbose=0)
    assert (np.asarray(model(few.images.astype(np.float32))).argmax(1) == few.labels).mean() > 0.95
