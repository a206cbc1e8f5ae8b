"""From any picture of a digit to MNIST's form, in the graph: bright ink on black, 20 x 20, centred by mass in 28 x 28."""

from __future__ import annotations

import tensorflow as tf

INK = 28
"""Side of the result in pixels."""
BOX = 20
"""Longer side of the digit in pixels."""


def bright_ink(picture: tf.Tensor) -> tf.Tensor:
    """Returns grey values [height, width, 1] in [0, 1] with the ink bright and the paper at zero.

    The border tells the paper's colour: its median is the paper, whichever way round; ink is the distance from it, weighed
    against the darkest or brightest one per cent so that shaded paper fades.
    """
    picture = tf.cast(picture, tf.float32)
    border = tf.concat([picture[0], picture[-1], picture[:, 0], picture[:, -1]], axis=0)
    middle = tf.shape(border)[0] // 2
    paper = tf.sort(tf.reshape(border, [-1]))[middle]
    darker = tf.reduce_sum(tf.maximum(paper - picture, 0.0))
    lighter = tf.reduce_sum(tf.maximum(picture - paper, 0.0))
    ink = tf.maximum(tf.where(darker > lighter, paper - picture, picture - paper), 0.0)
    values = tf.sort(tf.reshape(ink, [-1]))
    full = values[tf.cast(0.995 * tf.cast(tf.size(values) - 1, tf.float32), tf.int32)]
    full = tf.where(full > 0.0, full, tf.maximum(values[-1], 1.0))
    level = 0.25
    return tf.clip_by_value((ink / full - level) / (1.0 - level), 0.0, 1.0)


def centre(ink: tf.Tensor) -> tf.Tensor:
    """Crops the ink, fits it into 20 x 20 with its proportions kept and puts its centre of mass into the middle of 28 x 28.

    Args:
        ink: [height, width, 1] in [0, 1].

    Returns:
        [28, 28] in [0, 255]; all zero for a picture without ink.
    """
    rows = tf.where(tf.reduce_max(ink, axis=[1, 2]) > 0.2)[:, 0]
    columns = tf.where(tf.reduce_max(ink, axis=[0, 2]) > 0.2)[:, 0]

    def placed() -> tf.Tensor:
        crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        size = tf.cast(tf.shape(crop)[:2], tf.float32)
        new = tf.maximum(tf.cast(tf.round(size * BOX / tf.reduce_max(size)), tf.int32), 1)
        crop = tf.clip_by_value(tf.image.resize(crop, new, antialias=True), 0.0, 1.0)
        mass = tf.maximum(tf.reduce_sum(crop), 1e-6)
        y = tf.reduce_sum(tf.reduce_sum(crop, axis=[1, 2]) * tf.range(tf.cast(new[0], tf.float32))) / mass
        x = tf.reduce_sum(tf.reduce_sum(crop, axis=[0, 2]) * tf.range(tf.cast(new[1], tf.float32))) / mass
        corner = tf.cast(tf.round([INK / 2 - 0.5 - y, INK / 2 - 0.5 - x]), tf.int32)
        corner = tf.clip_by_value(corner, 0, INK - new)
        return 255.0 * tf.image.pad_to_bounding_box(crop, corner[0], corner[1], INK, INK)[:, :, 0]

    image = tf.cond(tf.size(rows) > 0, placed, lambda: tf.zeros([INK, INK]))
    return tf.ensure_shape(image, [INK, INK])


def from_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """Returns [28, 28] in [0, 255] for the bytes of one PNG, JPEG, GIF or BMP picture of any size.

    Raises:
        InvalidArgumentError: the bytes are no such picture, or it is too large.
    """
    picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    picture.set_shape([None, None, 3])
    sides = tf.shape(picture)[:2]
    tf.debugging.assert_less_equal(tf.reduce_prod(sides), 100_000_000, "expected a picture of at most 100 megapixels")
    grey = tf.image.rgb_to_grayscale(picture)
    longest = tf.reduce_max(sides)
    scale = tf.minimum(1.0, 400.0 / tf.cast(longest, tf.float32))
    smaller = tf.maximum(tf.cast(tf.round(tf.cast(sides, tf.float32) * scale), tf.int32), 1)
    grey = tf.cond(
        longest > 400, lambda: tf.image.resize(grey, smaller, antialias=True), lambda: tf.cast(grey, tf.float32)
    )
    return centre(bright_ink(grey))
