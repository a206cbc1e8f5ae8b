"""Flip, shift and cutout against NumPy."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from shared_layers.images.augmentation import cutmix, cutout, flip, mirror, mixup, shift

IMAGES = np.random.default_rng(0).integers(0, 256, (400, 8, 10, 3)).astype(np.uint8)
SEED = tf.constant([1, 5])


def test_flip_mirrors_about_half_of_the_pictures():
    result = flip(tf.constant(IMAGES), SEED).numpy()
    kept = (result == IMAGES).all(axis=(1, 2, 3))
    mirrored = (result == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_mirror_turns_the_chosen_pictures_only():
    chosen = np.arange(400) % 3 == 0
    result = mirror(tf.constant(IMAGES), tf.constant(chosen)).numpy()
    np.testing.assert_array_equal(result[chosen], IMAGES[chosen, :, ::-1])
    np.testing.assert_array_equal(result[~chosen], IMAGES[~chosen])


def test_shift_takes_every_offset_of_the_reflected_picture():
    result = shift(tf.constant(IMAGES), 2, SEED).numpy()
    assert result.dtype == np.uint8
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    found = np.zeros((5, 5), int)
    for before, after in zip(padded, result, strict=True):
        places = [(y, x) for y in range(5) for x in range(5) if (before[y : y + 8, x : x + 10] == after).all()]
        assert len(places) == 1
        found[places[0]] += 1
    assert found.min() > 0


def test_cutout_paints_one_square_with_the_colour():
    images = np.full((400, 8, 10, 3), 200, np.uint8)
    result = cutout(tf.constant(images), 4, tf.constant([1, 2, 3], tf.uint8), SEED).numpy()
    painted = (result != 200).all(axis=-1)
    assert (result[painted] == [1, 2, 3]).all() and (result[~painted] == 200).all()
    sizes = set()
    for mask in painted:
        rows, columns = np.nonzero(mask)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == height * width and 2 <= min(height, width) and max(height, width) <= 4
        sizes.add((height, width))
    assert (4, 4) in sizes and len(sizes) > 1
    assert painted.any(axis=0).all()


@pytest.mark.parametrize(
    "vary", [flip, lambda x, s: shift(x, 2, s), lambda x, s: cutout(x, 4, tf.zeros(3, tf.uint8), s)]
)
def test_the_seed_pair_alone_decides(vary):
    images = tf.constant(IMAGES)
    first = vary(images, tf.constant([3, 4])).numpy()
    np.testing.assert_array_equal(first, vary(images, tf.constant([3, 4])).numpy())
    for other in ([3, 5], [4, 4]):
        assert (vary(images, tf.constant(other)).numpy() != first).any()


def test_inside_a_pipeline_with_an_open_batch_size():
    dataset = tf.data.Dataset.from_tensors((IMAGES[:6], SEED))
    dataset = dataset.map(lambda x, s: cutout(shift(flip(x, s), 1, s), 2, tf.zeros(3, tf.uint8), s))
    assert next(iter(dataset)).shape == (6, 8, 10, 3)


FLOATS = IMAGES.astype(np.float32)
ONE_HOT = np.eye(400, dtype=np.float32)  # every picture a class of its own, so that a label says what was mixed


def test_mixup_blends_pictures_as_their_labels_say():
    images, labels = (part.numpy() for part in mixup(tf.constant(FLOATS), tf.constant(ONE_HOT), 0.4, SEED))
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-5)
    assert ((labels > 0).sum(1) <= 2).all()
    np.testing.assert_allclose(images, np.tensordot(labels, FLOATS, 1), atol=0.05)
    shares = labels[np.arange(400), np.arange(400)]
    assert scipy.stats.kstest(shares[shares < 1], scipy.stats.beta(0.4, 0.4).cdf).pvalue > 0.01


def test_cutmix_pastes_rectangles_and_shares_the_label_by_area():
    images, labels = (part.numpy() for part in cutmix(tf.constant(FLOATS), tf.constant(ONE_HOT), 1.0, SEED))
    areas = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        own = (image == FLOATS[number]).all(axis=-1)
        partners = [place for place in np.flatnonzero(label) if place != number]
        assert len(partners) <= 1
        if partners:
            assert (image[~own] == FLOATS[partners[0]][~own]).all()
            rows, columns = np.nonzero(~own)
            assert (~own).sum() >= 0.8 * (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert label[partners[0]] == pytest.approx((~own).mean(), abs=0.03)
            areas.append(label[partners[0]])
    assert 0.15 < np.mean(areas) < 0.5 and np.max(areas) > 0.7


def test_mixing_follows_the_seed_pair():
    for mix in (mixup, cutmix):
        first, again, other = (
            mix(FLOATS, ONE_HOT, 1.0, tf.constant(seed))[0].numpy() for seed in ([1, 2], [1, 2], [1, 3])
        )
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()
