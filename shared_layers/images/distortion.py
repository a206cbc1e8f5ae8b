"""Random geometric variations of pictures as stateless functions: the same pictures and seed pair give the same result."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf


def affine(
    images: tf.Tensor, seed: tf.Tensor, shift: float = 0.0, rotation: float = 0.0, scale: float = 0.0
) -> tf.Tensor:
    """Shifts, rotates and scales every picture at random about its middle; what comes in from outside is zero.

    Args:
        images: float32 [batch, height, width, channels].
        seed: int32 [2], e.g. (seed of the run, number of the step).
        shift: largest shift in pixels, each direction on its own.
        rotation: largest rotation in degrees.
        scale: largest change of size, as a fraction.

    Returns:
        float32 [batch, height, width, channels], interpolated bilinearly.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    a, b, left, top = _affine_places(images, seed, shift, rotation, scale)
    zeros = tf.zeros_like(a)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, -b, left, b, a, top, zeros, zeros], axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(moved, images.shape)


def _affine_places(
    images: tf.Tensor, seed: tf.Tensor, shift: float, rotation: float, scale: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns a, b, left, top [batch]: the pixel at (x, y) is fetched from (a x - b y + left, b x + a y + top)."""
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    seeds = tf.random.split(seed, 4)
    angle = tf.random.stateless_uniform([count], seeds[0], -1.0, 1.0) * math.radians(rotation)
    size = 1.0 + tf.random.stateless_uniform([count], seeds[1], -1.0, 1.0) * scale
    dx = tf.random.stateless_uniform([count], seeds[2], -1.0, 1.0) * shift
    dy = tf.random.stateless_uniform([count], seeds[3], -1.0, 1.0) * shift
    a, b = tf.cos(angle) / size, tf.sin(angle) / size
    middle_x, middle_y = (tf.cast(width, tf.float32) - 1) / 2, (tf.cast(height, tf.float32) - 1) / 2
    left = dx + middle_x - a * middle_x + b * middle_y
    top = dy + middle_y - b * middle_x - a * middle_y
    return a, b, left, top


def elastic(
    images: tf.Tensor,
    seed: tf.Tensor,
    displacement: float,
    smoothness: float,
    shift: float = 0.0,
    rotation: float = 0.0,
    scale: float = 0.0,
) -> tf.Tensor:
    """Bends every picture: each pixel is fetched from a random place nearby, and neighbours from neighbouring places.

    With a shift, rotation or scale each picture is also moved as `affine` does; both together interpolate but once, which
    blurs less than one after the other.

    Args:
        images: float32 [batch, height, width, channels]; height and width are known.
        seed: int32 [2].
        displacement: standard deviation of the distance to that place, pixels, each direction on its own.
        smoothness: standard deviation in pixels of the Gaussian window that makes neighbours move alike.
        shift, rotation, scale: as in `affine`, whose draws follow from the same seed.

    Returns:
        float32 [batch, height, width, channels], interpolated bilinearly; what comes in from outside is zero.

    Source: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003, section 2 (there 34 times uniform noise under a window of 4 pixels: a displacement of 1.4).
    """
    height, width = images.shape[1:3]
    noise = tf.random.stateless_normal([2, tf.shape(images)[0], height, width], tf.random.fold_in(seed, 1))
    fields = tf.einsum("ir,fbrc,jc->fbij", _window(height, smoothness), noise, _window(width, smoothness))
    rows = tf.range(height, dtype=tf.float32)[:, None] + displacement * fields[0]
    columns = tf.range(width, dtype=tf.float32)[None, :] + displacement * fields[1]
    if shift or rotation or scale:
        a, b, left, top = (place[:, None, None] for place in _affine_places(images, seed, shift, rotation, scale))
        rows, columns = b * columns + a * rows + top, a * columns - b * rows + left
    return sample(images, rows, columns)


def sample(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns the pictures' values at any places, interpolated bilinearly; around the pictures all is zero.

    Args:
        images: float32 [batch, height, width, channels]; height and width are known.
        rows, columns: float32 [batch, new height, new width], in pixels from the middle of the upper left pixel.

    Returns:
        float32 [batch, new height, new width, channels].

    Example:
        >>> picture = tf.reshape([1.0, 3.0], [1, 1, 2, 1])
        >>> sample(picture, [[[0.0]]], [[[0.5]]]).numpy().ravel().tolist()
        [2.0]
    """
    height, width, channels = images.shape[1:]
    flat = tf.reshape(tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]), [-1, (height + 2) * (width + 2), channels])
    rows = tf.clip_by_value(tf.convert_to_tensor(rows) + 1.0, 0.0, height + 1.0)
    columns = tf.clip_by_value(tf.convert_to_tensor(columns) + 1.0, 0.0, width + 1.0)
    top, left = tf.minimum(tf.floor(rows), float(height)), tf.minimum(tf.floor(columns), float(width))
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    corner = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)
    upper = _between(flat, corner, corner + 1, right)
    lower = _between(flat, corner + width + 2, corner + width + 3, right)
    return upper + down * (lower - upper)


def _between(flat: tf.Tensor, first: tf.Tensor, second: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    start = tf.gather(flat, first, batch_dims=1)
    return start + share * (tf.gather(flat, second, batch_dims=1) - start)


def _window(side: int, smoothness: float) -> tf.Tensor:
    """Returns a Gaussian moving sum as a matrix [side, side] that keeps the variance of white noise at one everywhere."""
    distance = np.arange(side)[:, None] - np.arange(side)[None, :]
    window = np.exp(-0.5 * (distance / smoothness) ** 2)
    return tf.constant(window / np.sqrt((window**2).sum(axis=1, keepdims=True)), tf.float32)
