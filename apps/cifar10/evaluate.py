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


def views(config: Config, model: Any, images: tf.Tensor) -> tf.Tensor:
    """Returns class probabilities float32 [views, batch, classes] of pictures [batch, size, size, 3], values 0 to 255.

    The first view is the picture as it is, the second, if the model's settings ask for it, its mirror image. The model's
    answer is the mean over the views.
    """
    images = tf.cast(images, tf.float32)
    sides = [images, tf.reverse(images, [2])] if config.model.average_flips else [images]
    return tf.stack([tf.nn.softmax(model(side, training=False)) for side in sides])


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns labels int64 [n], probabilities float32 [n, classes] and the pictures that the report shows.

    probabilities_one_view are those of the picture without its mirror image; `worst` and `best` index the 32 examples whose
    true class got the least and the most probability.
    """
    function = tf.function(lambda images: views(config, model, images), reduce_retracing=True)
    every_view = np.concatenate([function(x).numpy() for x, _ in batches(config, spec, split, False)], axis=1)
    probabilities = every_view.mean(axis=0)
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
    """Returns accuracy, error rate and the other metrics of a classifier, and the accuracy without mirror images."""
    labels, names = predictions["labels"], spec["class_names"]
    metrics = dict(classification.metrics(labels, predictions["probabilities"], names))
    if config.model.average_flips:
        one_view = classification.metrics(labels, predictions["probabilities_one_view"], names)
        metrics["accuracy_one_view"] = one_view["accuracy"]
    return metrics
