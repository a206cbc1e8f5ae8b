"""Predictions of the cifar10 app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from apps.cifar10.config import Config
from apps.cifar10.data import batches
from harness import classification
from harness.app import Metric, Predictions
from harness.labelled_pictures import LabelledPictures

SHOWN = 32


def views(config: Config, model: Any, images: tf.Tensor) -> tuple[tf.Tensor, list[float]]:
    """Returns class probabilities of several views of pictures [batch, size, size, 3], values 0 to 255.

    The first view is the picture as it is. If the model's settings ask for it, there are its mirror image, and both moved by
    one pixel up to the left and down to the right, the edge filled by reflection.

    Returns:
        probabilities float32 [views, batch, classes], and the views' weights in the answer, which add up to one.

    Source: the views and weights of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.5.
    """
    images = tf.cast(images, tf.float32)
    sides, weights = [images], [1.0]
    if config.model.average_shifts:
        padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        sides += [padded[:, :-2, :-2], padded[:, 2:, 2:]]
        weights = [0.5, 0.25, 0.25]
    if config.model.average_flips:
        sides += [tf.reverse(side, [2]) for side in sides]
        weights = [weight / 2 for weight in weights * 2]
    return tf.stack([tf.nn.softmax(model(side, training=False)) for side in sides]), weights


def answer(config: Config, model: Any, images: tf.Tensor) -> tf.Tensor:
    """Returns the class probabilities float32 [batch, classes] of pictures [batch, size, size, 3]: the mean over the views."""
    probabilities, weights = views(config, model, images)
    return tf.tensordot(tf.constant(weights), probabilities, 1)


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns labels int64 [n], probabilities float32 [n, classes] and the pictures that the report shows.

    probabilities_one_view are those of the picture as it is; `worst` and `best` index the 32 examples whose
    true class got the least and the most probability.
    """
    function = tf.function(lambda images: views(config, model, images), reduce_retracing=True)
    parts = [function(x) for x, _ in batches(config, spec, split, False)]
    every_view = np.concatenate([part.numpy() for part, _ in parts], axis=1)
    probabilities = np.tensordot(np.float32(parts[0][1]), every_view, 1)
    order = np.argsort(probabilities[np.arange(len(split)), split.labels], kind="stable")
    worst, best = order[:SHOWN], order[::-1][:SHOWN]
    return {
        "labels": split.labels,
        "probabilities": probabilities,
        "probabilities_one_view": every_view[0],
        "worst": worst,
        "worst_images": split.images[worst],
        "best": best,
        "best_images": split.images[best],
    }


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns accuracy, error rate and the other metrics of a classifier, and the accuracy on one view."""
    labels, names = predictions["labels"], spec["class_names"]
    metrics = dict(classification.metrics(labels, predictions["probabilities"], names))
    if config.model.average_flips or config.model.average_shifts:
        one_view = classification.metrics(labels, predictions["probabilities_one_view"], names)
        metrics["accuracy_one_view"] = one_view["accuracy"]
    return metrics
