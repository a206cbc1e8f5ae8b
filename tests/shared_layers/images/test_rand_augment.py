"""RandAugment: every operation against Pillow's, and the drawing."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from shared_layers.images import rand_augment as module
from shared_layers.images.rand_augment import OPERATIONS, rand_augment

FILL = (10, 120, 230)


def smooth_pictures(count: int, height: int = 32, width: int = 40) -> np.ndarray:
    """Pictures of colour gradients and noise, none of which uses all values."""
    generator = np.random.default_rng(0)
    small = generator.integers(20, 220, (count, 4, 5, 3)).astype(np.uint8)
    large = np.stack(
        [np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC)) for one in small]
    )
    return np.clip(large + generator.integers(-8, 9, large.shape), 5, 240).astype(np.uint8)


IMAGES = smooth_pictures(12)
STRENGTHS = np.linspace(-1, 1, len(IMAGES)).astype(np.float32)


def affine(picture, data):
    return picture.transform(picture.size, Image.Transform.AFFINE, data, Image.Resampling.NEAREST, fillcolor=FILL)


PILLOW = {
    "identity": lambda picture, s: picture,
    "autocontrast": lambda picture, s: ImageOps.autocontrast(picture),
    "equalize": lambda picture, s: ImageOps.equalize(picture),
    "rotate": lambda picture, s: picture.rotate(30 * s, Image.Resampling.NEAREST, fillcolor=FILL),
    "shear_x": lambda picture, s: affine(picture, (1, 0.3 * s, 0, 0, 1, 0)),
    "shear_y": lambda picture, s: affine(picture, (1, 0, 0, 0.3 * s, 1, 0)),
    "translate_x": lambda picture, s: affine(picture, (1, 0, s * 10 / 32 * picture.width, 0, 1, 0)),
    "translate_y": lambda picture, s: affine(picture, (1, 0, 0, 0, 1, s * 10 / 32 * picture.height)),
    "solarize": lambda picture, s: ImageOps.solarize(picture, 256 * (1 - abs(s))),
    "posterize": lambda picture, s: ImageOps.posterize(picture, 8 - round(4 * abs(s))),
    "color": lambda picture, s: ImageEnhance.Color(picture).enhance(1 + 0.9 * s),
    "contrast": lambda picture, s: ImageEnhance.Contrast(picture).enhance(1 + 0.9 * s),
    "brightness": lambda picture, s: ImageEnhance.Brightness(picture).enhance(1 + 0.9 * s),
    "sharpness": lambda picture, s: ImageEnhance.Sharpness(picture).enhance(1 + 0.9 * s),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_every_operation_is_pillows(operation):
    found = operation(tf.constant(IMAGES), tf.constant(STRENGTHS), tf.constant(FILL, tf.uint8)).numpy()
    expected = np.stack(
        [
            np.asarray(PILLOW[operation.__name__](Image.fromarray(one), float(s)))
            for one, s in zip(IMAGES, STRENGTHS, strict=True)
        ]
    )
    assert found.dtype == np.uint8
    if operation in (module.rotate, module.shear_x, module.shear_y, module.translate_x, module.translate_y):
        assert (found == expected).all(axis=-1).mean() > 0.995  # where a pixel lies between two, rounding decides
    else:
        np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)
        assert (found == expected).mean() > 0.98
    if operation is not module.identity:
        assert (found != IMAGES).any(axis=(1, 2, 3)).sum() >= 8


def test_pictures_of_one_value_stay():
    flat = np.full((2, 8, 8, 3), 77, np.uint8)
    for operation in (module.autocontrast, module.equalize, module.sharpness, module.color, module.contrast):
        np.testing.assert_array_equal(
            operation(tf.constant(flat), tf.constant([0.5, -0.5]), tf.zeros(3, tf.uint8)), flat
        )


def test_every_operation_is_drawn_about_equally_often():
    """One grey-free picture that no two operations turn into the same."""
    images = tf.constant(np.repeat(smooth_pictures(1, 16, 16), 1400, axis=0))
    result = rand_augment(images, 1, 7.0, tf.constant(FILL, tf.uint8), tf.constant([1, 2])).numpy()
    counts, seen = {}, np.zeros(1400, int)
    for operation in OPERATIONS:
        both = [operation(images[:1], tf.constant([s]), tf.constant(FILL, tf.uint8)).numpy() for s in (-0.7, 0.7)]
        hits = [(result == one).all(axis=(1, 2, 3)) for one in both]
        if not np.array_equal(*both):
            assert min(hits[0].sum(), hits[1].sum()) > 25, operation.__name__  # either way
        counts[operation.__name__] = (hits[0] | hits[1]).sum()
        seen += hits[0] | hits[1]
    assert (seen == 1).all()
    assert 65 < min(counts.values()) and max(counts.values()) < 140, counts


def test_operations_follow_each_other_and_magnitude_nought_is_mild():
    images, fill = tf.constant(np.repeat(IMAGES, 8, axis=0)), tf.constant(FILL, tf.uint8)
    none = rand_augment(images, 0, 5.0, fill, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(none, images)
    changes = [
        np.abs(rand_augment(images, n, m, fill, tf.constant([1, 2])).numpy().astype(int) - images).mean()
        for n, m in ((1, 2.0), (1, 9.0), (3, 9.0))
    ]
    assert changes[0] < changes[1] < changes[2]


def test_the_seed_pair_alone_decides_in_a_pipeline_with_an_open_batch_size():
    elements = tf.data.Dataset.from_generator(
        lambda: ((IMAGES, seed) for seed in ([3, 4], [3, 4], [3, 5], [4, 4])),
        output_signature=(tf.TensorSpec([None, 32, 40, 3], tf.uint8), tf.TensorSpec([2], tf.int32)),
    )
    elements = elements.map(lambda x, seed: rand_augment(x, 2, 6.0, tf.constant(FILL, tf.uint8), seed))
    first, again, *others = elements.as_numpy_iterator()
    assert first.shape == IMAGES.shape
    np.testing.assert_array_equal(first, again)
    assert all((first != other).any() for other in others)
