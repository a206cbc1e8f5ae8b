"""Synthetic textured shapes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from datasets.synthetic.shapes import CLASS_NAMES, _outline, textured_shapes


def test_the_same_arguments_give_the_same_pictures():
    images, labels = textured_shapes(300, seed=4)
    again, labels_again = textured_shapes(300, seed=4)
    other, _ = textured_shapes(300, seed=5)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, labels_again)
    assert (images != other).mean() > 0.9


def test_form_and_balance():
    images, labels = textured_shapes(105, seed=0, size=24)
    assert images.shape == (105, 24, 24, 3) and images.dtype == np.uint8 and labels.dtype == np.uint8
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    assert counts.min() >= 10 and counts.max() <= 11
    assert textured_shapes(0, seed=0)[0].shape == (0, 32, 32, 3)


def test_every_shape_can_be_seen():
    images, _ = textured_shapes(500, seed=1)
    assert images.reshape(500, -1, 3).std(axis=1).max(axis=1).min() > 8


def test_colour_does_not_tell_the_class():
    """A linear classifier on mean and spread of the colours must stay near chance (0.1)."""
    images, labels = textured_shapes(2000, seed=2)
    pixels = images.reshape(2000, -1, 3) / 255
    features = np.concatenate([pixels.mean(1), pixels.std(1)], axis=1)
    model = LogisticRegression(max_iter=300).fit(features[:1500], labels[:1500])
    assert model.score(features[1500:], labels[1500:]) < 0.25


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("disc", [(0, 0), (0.8, 0)], [(0.95, 0), (0.7, 0.7)]),
        ("ring", [(0.7, 0)], [(0, 0), (1, 0)]),
        ("square", [(0, 0), (0.75, 0.75)], [(0.85, 0)]),
        ("frame", [(0.7, 0.7)], [(0, 0), (0.9, 0)]),
        ("triangle", [(0, 0), (0.7, 0.5)], [(0.7, -0.5), (0, 0.7)]),
        ("cross", [(0, 0.9), (0.9, 0)], [(0.5, 0.5)]),
        ("star", [(0, -0.95), (0, 0)], [(0, 0.95), (0.9, 0.9)]),
        ("crescent", [(-0.8, 0)], [(0.3, 0)]),
        ("half disc", [(0, 0.5)], [(0, -0.5)]),
        ("bars", [(0.5, 0), (-0.5, 0.8)], [(0, 0), (0.9, 0)]),
    ],
)
def test_outlines(name, inside, outside):
    """Points (right, down) known to lie inside and outside."""
    for points, expected in ((inside, True), (outside, False)):
        x, y = np.array(points, np.float32).T
        assert (_outline(name, x, y) == expected).all()
    assert name in CLASS_NAMES


def test_an_unknown_shape_is_named():
    with pytest.raises(ValueError, match="no shape is called blob"):
        _outline("blob", np.zeros(1), np.zeros(1))
