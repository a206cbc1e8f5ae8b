"""Affine and elastic distortion against scipy and their own statistics."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from shared_layers.images.distortion import affine, elastic, sample

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.uniform(0, 1, (3, 9, 12, 2)).astype(np.float32)
SEED = tf.constant([1, 5])


def test_sample_interpolates_as_scipy_does():
    rows = GENERATOR.uniform(-3, 12, (3, 7, 5)).astype(np.float32)
    columns = GENERATOR.uniform(-3, 15, (3, 7, 5)).astype(np.float32)
    result = sample(tf.constant(IMAGES), rows, columns).numpy()
    assert result.shape == (3, 7, 5, 2)
    for number in range(3):
        for channel in range(2):
            expected = scipy.ndimage.map_coordinates(
                IMAGES[number, :, :, channel],
                [rows[number], columns[number]],
                order=1,
                mode="grid-constant",
                cval=0.0,
                prefilter=False,
            )
            np.testing.assert_allclose(result[number, :, :, channel], expected, atol=1e-5)


def test_without_displacement_nothing_changes():
    np.testing.assert_allclose(elastic(tf.constant(IMAGES), SEED, 0.0, 2.0), IMAGES, atol=1e-6)
    np.testing.assert_allclose(affine(tf.constant(IMAGES), SEED), IMAGES, atol=1e-6)


def displacements(direction: int, displacement: float, smoothness: float) -> np.ndarray:
    """Reads the displacement off pictures whose brightness is the row's or the column's number, away from the edge."""
    side, margin = 40, 10
    ramp = np.indices((side, side), np.float32)[direction]
    images = np.broadcast_to(ramp[None, :, :, None], (200, side, side, 1))
    moved = elastic(tf.constant(images), SEED, displacement, smoothness).numpy()
    return (moved - images)[:, margin:-margin, margin:-margin, 0]


@pytest.mark.parametrize("direction", [0, 1])
def test_elastic_displaces_by_the_stated_distance_and_smoothness(direction):
    """White noise under a Gaussian window of s correlates with its neighbour at distance d by exp(-d^2 / 4 s^2)."""
    field = displacements(direction, 1.5, 3.0)
    assert field.mean() == pytest.approx(0, abs=0.1)
    assert field.std() == pytest.approx(1.5, rel=0.03)
    for distance in (1, 3, 6):
        expected = np.exp(-(distance**2) / (4 * 3.0**2))
        for first, second in (
            (field[:, distance:], field[:, :-distance]),
            (field[:, :, distance:], field[:, :, :-distance]),
        ):
            assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(expected, abs=0.04)


def test_both_directions_move_independently():
    rows, columns = (displacements(direction, 1.0, 3.0) for direction in (0, 1))
    assert abs(np.corrcoef(rows.ravel(), columns.ravel())[0, 1]) < 0.05


def test_affine_turns_a_picture_that_is_not_square_about_its_middle():
    image = np.zeros((1, 21, 31, 1), np.float32)
    image[0, 8:13, 8:23, 0] = 1.0
    turned = affine(tf.constant(image), SEED, rotation=40).numpy()[0, :, :, 0]
    angles = np.linspace(-40, 40, 321)
    errors = [
        np.abs(scipy.ndimage.rotate(image[0, :, :, 0], angle, reshape=False, order=1) - turned).mean()
        for angle in angles
    ]
    assert min(errors) < 0.01 < np.abs(image[0, :, :, 0] - turned).mean()


def test_affine_scales_by_at_most_the_stated_share():
    image = np.zeros((1, 41, 41, 1), np.float32)
    image[0, 10:31, 10:31, 0] = 1.0
    images = tf.constant(np.repeat(image, 300, axis=0))
    sides = np.sqrt(affine(images, SEED, scale=0.2).numpy().sum(axis=(1, 2, 3)))
    assert 21 * 0.8 - 0.3 < sides.min() < 21 * 0.83
    assert 21 * 1.17 < sides.max() < 21 * 1.2 + 0.3


@pytest.mark.parametrize(
    "vary", [lambda x, s: affine(x, s, 2.0, 10.0, 0.1), lambda x, s: elastic(x, s, 1.0, 3.0)], ids=["affine", "elastic"]
)
def test_the_seed_pair_alone_decides_also_inside_a_pipeline(vary):
    first = vary(tf.constant(IMAGES), SEED).numpy()
    np.testing.assert_array_equal(first, vary(tf.constant(IMAGES), SEED).numpy())
    for other in ([1, 6], [2, 5]):
        assert (vary(tf.constant(IMAGES), tf.constant(other)).numpy() != first).any()
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(3).map(lambda x: vary(x, SEED))
    np.testing.assert_allclose(next(iter(dataset)), first, atol=1e-5)


def test_bending_and_turning_in_one_go_fetches_from_where_both_in_turn_do():
    """On pictures whose brightness is linear in row and column, interpolation is exact, however often."""
    side, margin = 40, 14
    rows, columns = np.indices((side, side), np.float32)
    images = tf.constant(np.broadcast_to((3 * rows - 2 * columns)[None, :, :, None], (5, side, side, 1)))
    moves = {"shift": 1.5, "rotation": 15, "scale": 0.1}
    together = elastic(images, SEED, 1.0, 4.0, **moves)
    in_turn = elastic(affine(images, SEED, **moves), SEED, 1.0, 4.0)
    inside = np.s_[:, margin:-margin, margin:-margin]
    np.testing.assert_allclose(together.numpy()[inside], in_turn.numpy()[inside], atol=1e-3)
    assert np.abs(together - elastic(images, SEED, 1.0, 4.0))[inside].max() > 1
