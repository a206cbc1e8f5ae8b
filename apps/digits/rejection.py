""" "No digit": pictures of another kind than the training's are not given a class."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from shared_layers.images.shifted_views import MeanOverViews

NO_DIGIT = "no digit"
MARGIN = 1.1
"""Times the most ink and the longest outline of the training pictures is still like them; so is the least over this."""
RIDGE = 1e-3
"""Of the mean variance, added to every feature's: a covariance of few pictures can be inverted, too."""


@dataclass(frozen=True)
class Likeness:
    """What training pictures have in common."""

    energy_deviation: float
    """Standard deviation of the logarithm of the summed exponentials of the logits."""
    distance_deviation: float = 1.0
    """Standard deviation of the distance of a picture's features from those of the nearest class."""
    means: list[list[float]] | None = None
    """[classes, features]; None for a network without feature maps."""
    whitening: list[list[float]] | None = None
    """[features, features]: features times this have no correlation within a class, and variance one."""
    ink: tuple[float, float] = (0.0, np.inf)
    """Least and most ink, in full pixels."""
    outline: tuple[float, float] = (0.0, np.inf)
    """Shortest and longest outline, in pixels: the total variation of the ink."""


def with_features(model: keras.Model) -> keras.Model:
    """Returns the model with two answers: the means [n, channels] of its last feature maps, and the logits.

    A network without feature maps answers no features, [n, 0].
    """
    views = any(isinstance(layer, MeanOverViews) for layer in model.layers)
    maps = [layer.output for layer in model.layers if len(layer.output.shape) == 4]
    if maps:
        features = keras.layers.GlobalAveragePooling2D(dtype="float32", name="means_of_maps")(maps[-1])
        features = MeanOverViews(dtype="float32", name="means_over_views")(features) if views else features
    else:
        features = model.outputs[0][:, :0]
    return keras.Model(model.inputs[0], [features, model.outputs[0]])


def likeness(images: np.ndarray, features: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Likeness:
    """Returns what training pictures have in common.

    Args:
        images: float32 [n, 28, 28].
        features, logits: of them, [n, features] and [n, classes].
        labels: int [n].
    """
    energy = float(tf.math.reduce_std(tf.reduce_logsumexp(logits, axis=1)))
    ink, outline = _range(_ink(images)), _range(_outline(images))
    if not features.shape[1]:
        return Likeness(max(energy, 1e-6), ink=ink, outline=outline)
    features = features.astype(np.float64)
    means = np.stack([features[labels == label].mean(axis=0) for label in np.unique(labels)])
    within = features - means[np.searchsorted(np.unique(labels), labels)]
    covariance = within.T @ within / len(within)
    covariance += (RIDGE * np.trace(covariance) / len(covariance) + 1e-9) * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    distances = _distances(tf.constant(features), tf.constant(means), tf.constant(whitening)).numpy()
    distance = max(float(distances.std()), 1e-6)
    return Likeness(max(energy, 1e-6), distance, means.tolist(), whitening.tolist(), ink, outline)


def scores(images: tf.Tensor, features: tf.Tensor, logits: tf.Tensor, known: Likeness | None) -> tf.Tensor:
    """Returns how much each picture looks like one of the training's, [n]; minus infinity where it is of one grey, or has
    far less or more ink or outline than any of those.

    The energy (the logarithm of the summed exponentials of the logits), less the distance of the features from those of the
    nearest class (Mahalanobis, one covariance for all classes), each in standard deviations of the training pictures.

    Args:
        images: float32 [n, 28, 28].
        features: float32 [n, features], of `with_features`.
        logits: float32 [n, classes].
        known: of the training pictures; None: the energy alone.

    Source: Liu, Wang, Owens and Li, "Energy-based out-of-distribution detection", NeurIPS 2020; Lee, Lee, Lee and Shin, "A
    simple unified framework for detecting out-of-distribution samples and adversarial attacks", NeurIPS 2018.
    """
    score = tf.reduce_logsumexp(logits, axis=1)
    if known is not None:
        score /= known.energy_deviation
    if known is not None and known.means is not None:
        means, whitening = (tf.constant(values, tf.float32) for values in (known.means, known.whitening))
        score -= _distances(features, means, whitening) / known.distance_deviation
    unlike = tf.reduce_max(images, axis=[1, 2]) - tf.reduce_min(images, axis=[1, 2]) < 1.0
    if known is not None:
        for of_each, (least, most) in ((_ink(images), known.ink), (_outline(images), known.outline)):
            unlike |= (of_each < least) | (of_each > most)
    return tf.where(unlike, -np.inf, score)


def _ink(images: tf.Tensor) -> tf.Tensor:
    """Returns the ink of each picture [n, 28, 28], in full pixels, [n]."""
    return tf.reduce_sum(images, axis=[1, 2]) / 255.0


def _range(of_each: tf.Tensor) -> tuple[float, float]:
    """Returns the least and the most of some pictures' [n], MARGIN times further apart each way."""
    return float(tf.reduce_min(of_each)) / MARGIN, float(tf.reduce_max(of_each)) * MARGIN


def _outline(images: tf.Tensor) -> tf.Tensor:
    """Returns the total variation of each picture [n, 28, 28], [n]: the length of its outline in pixels, if it is sharp."""
    return tf.image.total_variation(tf.convert_to_tensor(images)[..., None]) / 255.0


def _distances(features: tf.Tensor, means: tf.Tensor, whitening: tf.Tensor) -> tf.Tensor:
    """Returns the distance of each picture's features from the nearest of the means, [n]."""
    beside = tf.matmul(features, whitening)[:, None] - tf.matmul(means, whitening)[None]
    return tf.sqrt(tf.reduce_min(tf.reduce_sum(beside**2, axis=2), axis=1))
