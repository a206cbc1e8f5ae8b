"""Grad-CAM: which places of a picture speak for a class."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def grad_cam(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Returns how much each place of the last feature maps speaks for a class.

    The feature maps are added up, each weighted by the mean gradient of the class' logit over its places; what is negative
    becomes zero.

    Args:
        model: pictures [n, size, size, 3] -> logits [n, classes].
        images: [n, size, size, 3], values 0 to 255.
        classes: int [n], the class asked for in each picture.

    Returns:
        float32 [n, height, width] in the resolution of those maps, or None for a network without any.

    Source: Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", 2017,
    equations 1 and 2.
    """
    spatial = [layer.output for layer in model.layers[1:] if len(layer.output.shape) == 4 and layer.output.shape[1] > 1]
    if len(spatial) < 2:  # the normalised pixels are no features
        return None
    part = keras.Model(model.inputs, [spatial[-1], model.output])
    with tf.GradientTape() as tape:
        features, logits = part(tf.cast(images, tf.float32), training=False)
        chosen = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
    weights = tf.reduce_mean(tape.gradient(chosen, features), axis=[1, 2], keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy()
