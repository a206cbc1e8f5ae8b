""" "No digit": pictures of another kind than the training's are not given a class."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

NO_DIGIT = "no digit"


def scores(images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns how much each picture looks like one of the training's: its largest logit, minus infinity where it is of one grey.

    Args:
        images: float32 [n, 28, 28].
        logits: float32 [n, classes].

    Source: Hendrycks, Basart, Mazeika et al., "Scaling out-of-distribution detection for real-world settings", ICML 2022.
    """
    blank = tf.reduce_max(images, axis=[1, 2]) - tf.reduce_min(images, axis=[1, 2]) < 1.0
    return tf.where(blank, -np.inf, tf.reduce_max(logits, axis=1))


def is_digit(images: tf.Tensor, logits: tf.Tensor, least_score: float) -> tf.Tensor:
    """Returns bool [n]: whether a picture scores at least so much."""
    return scores(images, logits) >= least_score
