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


def mixup(images: tf.Tensor, labels: tf.Tensor, alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Blends every picture and its label with another of the batch, by a share drawn from Beta(alpha, alpha) for each.

    Args:
        images: float32 [batch, height, width, channels].
        labels: float32 [batch, classes], one-hot.
        seed: int32 [2].

    Returns:
        pictures and labels of the same shapes.

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", 2018.
    """
    shares, order = _shares_and_partners(tf.shape(images)[0], alpha, seed)
    kept = shares[:, None, None, None]
    mixed = kept * images + (1 - kept) * tf.gather(images, order)
    return mixed, shares[:, None] * labels + (1 - shares[:, None]) * tf.gather(labels, order)


def cutmix(images: tf.Tensor, labels: tf.Tensor, alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Pastes a rectangle of another picture of the batch into every picture; the label is shared by area.

    The rectangle has the picture's proportions and, before the edge cuts it, a share of its area drawn from Beta(alpha, alpha).

    Args:
        images: float32 [batch, height, width, channels].
        labels: float32 [batch, classes], one-hot.
        seed: int32 [2].

    Returns:
        pictures and labels of the same shapes.

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019.
    """
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    seeds = tf.random.split(seed, 2)
    shares, order = _shares_and_partners(count, alpha, seeds[0])
    middle = tf.random.stateless_uniform([2, count, 1], seeds[1])
    inside = [
        tf.abs(tf.range(size, dtype=tf.float32)[None, :] + 0.5 - middle[axis] * tf.cast(size, tf.float32))
        < 0.5 * tf.sqrt(1 - shares)[:, None] * tf.cast(size, tf.float32)
        for axis, size in ((0, height), (1, width))
    ]
    pasted = inside[0][:, :, None] & inside[1][:, None, :]
    own = 1 - tf.reduce_mean(tf.cast(pasted, tf.float32), axis=[1, 2])[:, None]
    mixed = tf.where(pasted[..., None], tf.gather(images, order), images)
    return mixed, own * labels + (1 - own) * tf.gather(labels, order)


def _shares_and_partners(count: tf.Tensor, alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a share from Beta(alpha, alpha) for each of a batch [count], and a random order of it [count]."""
    seeds = tf.random.split(seed, 3)
    first, second = (tf.random.stateless_gamma([count], one, alpha) for one in (seeds[0], seeds[1]))
    shares = tf.where(first + second > 0, first / tf.maximum(first + second, 1e-30), 0.5)
    return shares, tf.argsort(tf.random.stateless_uniform([count], seeds[2]))
