"""What the network says of a picture, averaged over several views of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from apps.cifar10.config import Config
from apps.cifar10.data import batches
from harness.labelled_pictures import LabelledPictures

TINY = float(np.finfo(np.float32).tiny)


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


def answer(config: Config, model: Any, images: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """Returns the class probabilities float32 [batch, classes] of pictures [batch, size, size, 3]: the mean over the views.

    Args:
        temperature: by which the logarithms of that mean are divided before a softmax.
    """
    probabilities, weights = views(config, model, images)
    mean = tf.tensordot(tf.constant(weights), probabilities, 1)
    return mean if temperature == 1.0 else tf.nn.softmax(logarithms(mean) / temperature)


def logarithms(probabilities: Any) -> tf.Tensor:
    """Returns the finite logarithms of probabilities, which a temperature divides as it does logits."""
    return tf.math.log(tf.maximum(probabilities, TINY))


def of_split(
    config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures
) -> tuple[np.ndarray, np.ndarray]:
    """Returns class probabilities float32 [n, classes] of a split's pictures: the mean over the views, and the first view's."""
    function = tf.function(lambda images: views(config, model, images), reduce_retracing=True)
    parts = [function(x) for x, _ in batches(config, spec, split, False)]
    every_view = np.concatenate([part.numpy() for part, _ in parts], axis=1)
    return np.tensordot(np.float32(parts[0][1]), every_view, 1), every_view[0]
