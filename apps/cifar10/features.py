"""What a trained network makes of pictures just before its classifier, and which pictures it then takes for alike."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import NearestNeighbors

BATCH = 500


def feature_network(model: keras.Model) -> keras.Model:
    """Returns the network without its classifier: pictures [batch, size, size, 3], 0 to 255 -> features [batch, values]."""
    return keras.Model(model.inputs, model.get_layer("classifier").input, name="features")


def features(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns the inputs of the classifier, float32 [n, values], for pictures [n, size, size, 3] of 0 to 255, as they are."""
    return outputs(feature_network(model), images)


def outputs(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns what a network answers, float32 [n, values], for pictures [n, size, size, 3] of 0 to 255, in batches."""
    function = tf.function(lambda batch: network(tf.cast(batch, tf.float32), training=False), reduce_retracing=True)
    parts = np.array_split(images, max(1, -(-len(images) // BATCH)))
    return np.concatenate([function(tf.constant(part)).numpy() for part in parts]).astype(np.float32)


def nearest(model: keras.Model, images: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """Returns the places int64 [n, count] of the pictures `among` whose features are nearest to each picture's, nearest first.

    Near is by the Euclidean distance of the features.

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 6.1 and figure 4.
    """
    index = NearestNeighbors(n_neighbors=min(count, len(among))).fit(features(model, among))
    return index.kneighbors(features(model, images), return_distance=False)
