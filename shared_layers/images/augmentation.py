"""Random variations of pictures as stateless functions: the same pictures and seed pair give the same result."""

from __future__ import annotations

import tensorflow as tf


def flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors half of the pictures left to right.

    Args:
        images: [batch, height, width, channels], any number type.
        seed: int32 [2], e.g. (seed of the run, number of the step).

    Returns:
        [batch, height, width, channels] of the same type.
    """
    return mirror(images, tf.random.stateless_uniform([tf.shape(images)[0]], seed) < 0.5)


def mirror(images: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Mirrors the chosen pictures left to right.

    Args:
        images: [batch, height, width, channels], any number type.
        chosen: bool [batch].

    Returns:
        [batch, height, width, channels] of the same type.
    """
    return tf.where(chosen[:, None, None, None], tf.reverse(images, [2]), images)


def shift(images: tf.Tensor, pixels: int, seed: tf.Tensor) -> tf.Tensor:
    """Moves every picture by a whole number of pixels, each direction up to `pixels`; the edge is filled by reflection.

    Args:
        images: [batch, height, width, channels], any number type; height and width are larger than `pixels`.
        seed: int32 [2].

    Returns:
        [batch, height, width, channels] of the same type.

    Source: He et al., "Deep residual learning for image recognition", 2016, section 4.2 (there padded by zeros).
    """
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    padded = tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], "REFLECT")
    corners = tf.random.stateless_uniform([2, count, 1], seed, 0, 2 * pixels + 1, tf.int32)
    rows = tf.gather(padded, corners[0] + tf.range(height), axis=1, batch_dims=1)
    moved = tf.gather(rows, corners[1] + tf.range(width), axis=2, batch_dims=1)
    return tf.ensure_shape(moved, images.shape)


def cutout(images: tf.Tensor, side: int, fill: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Paints a square of `side` pixels in every picture with the colour `fill`; it may stand out over the edge.

    Args:
        images: [batch, height, width, channels], any number type.
        fill: [channels] of the same type.
        seed: int32 [2].

    Returns:
        [batch, height, width, channels] of the same type.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    draws = tf.random.stateless_uniform([2, count, 1], seed)
    top = tf.cast(draws[0] * tf.cast(height, tf.float32), tf.int32) - side // 2
    left = tf.cast(draws[1] * tf.cast(width, tf.float32), tf.int32) - side // 2
    rows, columns = tf.range(height)[None, :], tf.range(width)[None, :]
    inside_rows = (rows >= top) & (rows < top + side)
    inside_columns = (columns >= left) & (columns < left + side)
    square = inside_rows[:, :, None, None] & inside_columns[:, None, :, None]
    return tf.where(square, fill, images)
