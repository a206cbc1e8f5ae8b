"""What a denoising autoencoder learns to undo: corruptions as stateless functions of a seed."""

from __future__ import annotations

import tensorflow as tf


def add_gaussian_noise(pictures: tf.Tensor, sigma: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns pictures with independent normal noise on every value, not clipped, so that its mean stays zero everywhere.

    Args:
        pictures: float [...], any scale.
        sigma: standard deviation, on the pictures' scale.
        seed: int [2]; the same pair gives the same noise.

    Example:
        >>> noisy = add_gaussian_noise(tf.zeros([1000]), 0.1, [1, 2])
        >>> bool(abs(tf.math.reduce_std(noisy) - 0.1) < 0.01)
        True
    """
    return pictures + sigma * tf.random.stateless_normal(tf.shape(pictures), seed, dtype=pictures.dtype)
