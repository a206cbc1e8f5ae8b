"""RandAugment as a stateless function of the pictures and a seed pair."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

LARGEST_MAGNITUDE = 10.0


def rand_augment(images: tf.Tensor, operations: int, magnitude: float, fill: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes every picture by so many operations, each drawn at random out of fourteen with the same strength.

    Rotation, shear and translation go either way at random; colour, contrast, brightness and sharpness go up or down. The
    strongest are 30 degrees, a shear of 0.3, 10 / 32 of the side, a factor of 1 +- 0.9, 4 bits a colour and the inverse picture.

    Args:
        images: uint8 [batch, height, width, 3].
        operations: one after the other, each drawn anew for each picture.
        magnitude: of all of them, 0 to 10.
        fill: uint8 [3], the colour of what comes in over the edge.
        seed: int32 [2], e.g. (seed of the run, number of the step).

    Returns:
        uint8 [batch, height, width, 3].

    Source: Cubuk, Zoph, Shlens and Le, "RandAugment: practical automated data augmentation with a reduced search space", 2020,
    with the ranges of Cubuk et al., "AutoAugment", 2019, table 6. (keras.layers.RandAugment draws from seed generators that
    keep a state, so a resumed run would not see the same pictures.)
    """
    count, shape = tf.shape(images)[0], images.shape
    for number in range(operations):
        seeds = tf.random.split(tf.random.fold_in(seed, number), 2)
        chosen = tf.random.stateless_uniform([count], seeds[0], 0, len(OPERATIONS), tf.int32)
        either_way = tf.where(tf.random.stateless_uniform([count], seeds[1]) < 0.5, -1.0, 1.0)
        strengths = tf.dynamic_partition(magnitude / LARGEST_MAGNITUDE * either_way, chosen, len(OPERATIONS))
        parts = tf.dynamic_partition(images, chosen, len(OPERATIONS))
        places = tf.dynamic_partition(tf.range(count), chosen, len(OPERATIONS))
        changed = [change(*given, fill) for change, *given in zip(OPERATIONS, parts, strengths, strict=True)]
        images = tf.ensure_shape(tf.dynamic_stitch(places, changed), shape)
    return images


# Every operation takes pictures uint8 [n, height, width, 3], strengths float32 [n] from -1 to 1, and the fill; n may be 0.


def identity(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Changes nothing."""
    return images


def autocontrast(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Stretches each colour of a picture from 0 to 255."""
    values = tf.cast(images, tf.float32)
    low = tf.reduce_min(values, axis=[1, 2], keepdims=True)
    width = tf.reduce_max(values, axis=[1, 2], keepdims=True) - low
    return _bytes(tf.where(width > 0, (values - low) * 255.0 / tf.maximum(width, 1.0), values))


def equalize(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Makes all values of each colour of a picture about equally frequent."""
    count, pixels = tf.shape(images)[0], tf.shape(images)[1] * tf.shape(images)[2]
    values = tf.reshape(tf.transpose(tf.cast(images, tf.int32), [0, 3, 1, 2]), [3 * count, pixels])
    bins = values + 256 * tf.range(3 * count)[:, None]
    histograms = tf.math.unsorted_segment_sum(tf.ones_like(bins), bins, 256 * 3 * count)
    histograms = tf.reshape(histograms, [3 * count, 256])
    of_largest = tf.gather(histograms, tf.reduce_max(values, axis=1), batch_dims=1)
    step = ((pixels - of_largest) // 255)[:, None]
    table = (step // 2 + tf.cumsum(histograms, axis=1, exclusive=True)) // tf.maximum(step, 1)
    table = tf.where(step > 0, tf.minimum(table, 255), tf.range(256))
    equal = tf.reshape(tf.gather(table, values, batch_dims=1), [count, 3, *tf.unstack(tf.shape(images)[1:3])])
    return tf.cast(tf.transpose(equal, [0, 2, 3, 1]), tf.uint8)


def rotate(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Turns pictures around their middle by up to 30 degrees."""
    angle = strengths * (30 * math.pi / 180)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    x, y = (tf.cast(tf.shape(images)[axis], tf.float32) / 2 for axis in (2, 1))
    return _affine(images, (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y), fill)


def shear_x(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Moves the rows of pictures by up to 0.3 pixels more in each."""
    return _affine(images, (1.0, 0.3 * strengths, 0.0, 0.0, 1.0, 0.0), fill)


def shear_y(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Moves the columns of pictures by up to 0.3 pixels more in each."""
    return _affine(images, (1.0, 0.0, 0.0, 0.3 * strengths, 1.0, 0.0), fill)


def translate_x(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Moves pictures sideways by up to 10 / 32 of their width."""
    pixels = strengths * (10 / 32) * tf.cast(tf.shape(images)[2], tf.float32)
    return _affine(images, (1.0, 0.0, pixels, 0.0, 1.0, 0.0), fill)


def translate_y(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Moves pictures up or down by up to 10 / 32 of their height."""
    pixels = strengths * (10 / 32) * tf.cast(tf.shape(images)[1], tf.float32)
    return _affine(images, (1.0, 0.0, 0.0, 0.0, 1.0, pixels), fill)


def solarize(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Inverts the values from a threshold on, which falls from 256 to 0."""
    threshold = 256.0 * (1.0 - tf.abs(strengths))[:, None, None, None]
    return tf.where(tf.cast(images, tf.float32) < threshold, images, 255 - images)


def posterize(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Keeps 8 down to 4 bits of each value."""
    dropped = tf.cast(tf.round(4.0 * tf.abs(strengths)), tf.uint8)[:, None, None, None]
    return tf.bitwise.left_shift(tf.bitwise.right_shift(images, dropped), dropped)


def color(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Takes colour away, down to a tenth, or adds as much."""
    return _blend(tf.repeat(_grey(images), 3, axis=-1), images, strengths)


def contrast(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Takes contrast with the mean grey away, down to a tenth, or adds as much."""
    return _blend(tf.floor(tf.reduce_mean(_grey(images), axis=[1, 2, 3], keepdims=True) + 0.5), images, strengths)


def brightness(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Darkens pictures, down to a tenth, or brightens them as much."""
    return _blend(tf.zeros([1, 1, 1, 1]), images, strengths)


def sharpness(images: tf.Tensor, strengths: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    """Blurs pictures by a 3 x 3 filter, or sharpens them as much; the outermost pixels stay."""
    values = tf.cast(images, tf.float32)
    height, width = tf.shape(values)[1], tf.shape(values)[2]
    # sums of shifted pictures: TensorFlow's depthwise convolution of an empty batch answers with a shape of its own
    around = tf.add_n([values[:, i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)])
    smooth = tf.floor((around + 4 * values[:, 1:-1, 1:-1]) / 13 + 0.5)
    inner = tf.pad(tf.ones_like(smooth), [[0, 0], [1, 1], [1, 1], [0, 0]]) > 0
    smooth = tf.pad(smooth, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return _blend(tf.where(inner, smooth, values), images, strengths)


OPERATIONS: tuple[Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor], ...] = (
    identity, autocontrast, equalize, rotate, solarize, color, posterize, contrast, brightness, sharpness, shear_x, shear_y,
    translate_x, translate_y,
)  # fmt: skip


def _grey(images: tf.Tensor) -> tf.Tensor:
    """Returns the luma of ITU-R 601-2 as whole numbers, float32 [n, height, width, 1]."""
    luma = tf.tensordot(tf.cast(images, tf.float32), tf.constant([0.299, 0.587, 0.114]), 1)
    return tf.floor(luma + 0.5)[..., None]


def _blend(other: tf.Tensor, images: tf.Tensor, strengths: tf.Tensor) -> tf.Tensor:
    factor = 1.0 + 0.9 * strengths[:, None, None, None]
    return _bytes(other + factor * (tf.cast(images, tf.float32) - other))


def _bytes(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(values, 0.0, 255.0), tf.uint8)


def _affine(images: tf.Tensor, matrix: tuple[tf.Tensor | float, ...], fill: tf.Tensor) -> tf.Tensor:
    """Takes each pixel from (a x + b y + c, d x + e y + f), the nearest, or from the fill where that is outside.

    Args:
        matrix: a, b, c, d, e, f, each float32 [n] or the same for all; x and y are those of the pixels' middles.
    """
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    a, b, c, d, e, f = (tf.broadcast_to(value, [count])[:, None, None] for value in matrix)
    x = tf.range(width, dtype=tf.float32)[None, None, :] + 0.5
    y = tf.range(height, dtype=tf.float32)[None, :, None] + 0.5
    column = tf.cast(tf.floor(a * x + b * y + c), tf.int32)
    row = tf.cast(tf.floor(d * x + e * y + f), tf.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    places = tf.clip_by_value(row, 0, height - 1) * width + tf.clip_by_value(column, 0, width - 1)
    pixels = tf.reshape(images, [count, height * width, 3])
    return tf.where(inside[..., None], tf.gather(pixels, places, batch_dims=1), fill)
