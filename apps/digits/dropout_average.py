"""The average of many forward passes with dropout at work, beside the single pass with all units."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

PASSES = 100
SEED = 0
BATCH = 500


def has_dropout(model: keras.Model) -> bool:
    """Tells whether some layer leaves units out in training."""
    return any(isinstance(layer, keras.layers.Dropout) and layer.rate > 0 for layer in model.layers)


def average(model: keras.Model, images: np.ndarray, passes: int = PASSES) -> np.ndarray:
    """Returns the mean softmax of forward passes with dropout at work, float32 [n, classes]; the masks follow from SEED.

    Batch normalisation keeps the averages of training.

    Args:
        images: [n, 28, 28], 0 to 255.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 2014, section 7.5 (Monte-Carlo model
    averaging against weight scaling); Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """
    keras.utils.set_random_seed(SEED)
    stochastic = keras.models.clone_model(model)
    stochastic.set_weights(model.get_weights())
    stochastic.trainable = False  # so that batch normalisation stays as it is while dropout trains

    @tf.function(reduce_retracing=True)
    def mean(batch: tf.Tensor) -> tf.Tensor:
        total = tf.zeros_like(stochastic(batch, training=False))
        for _ in tf.range(passes):
            total += tf.nn.softmax(stochastic(batch, training=True))
        return total / passes

    batches = np.array_split(images.astype(np.float32), max(1, -(-len(images) // BATCH)))
    return np.concatenate([mean(tf.constant(batch)).numpy() for batch in batches])
