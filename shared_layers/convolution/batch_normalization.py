"""Keras' batch normalisation of pictures with a kernel that trains faster."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="shared_layers")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' BatchNormalization: the same arguments, weights and answers, in training by TensorFlow's fused kernel.

    Keras' own operations normalise where the statistics of several replicas are put together (`synchronized`), in other precisions
    than float32, with a mask, outside training, and what is not of four dimensions with the channels last.

    Args:
        momentum, ...: those of keras.layers.BatchNormalization.

    Input shape:
        [batch, height, width, channels], or any other.

    Output shape:
        The same.

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1.

    >>> pictures = keras.random.normal((4, 8, 8, 2), mean=3.0)
    >>> abs(float(keras.ops.mean(BatchNormalization()(pictures, training=True)))) < 1e-3
    True
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self._fused(inputs, mask)):
            return super().call(inputs, training=training, mask=mask)
        scale = tf.ones_like(self.moving_mean) if self.gamma is None else self.gamma
        shift = tf.zeros_like(self.moving_mean) if self.beta is None else self.beta
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=scale, offset=shift, mean=[], variance=[], epsilon=self.epsilon, is_training=True
        )
        # the kernel answers the unbiased variance; Keras keeps the biased one
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1.0) / count)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs

    def _fused(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> bool:
        """Tells whether the kernel normalises these inputs in training as Keras does."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync if self.synchronized else 1
        return (
            self.trainable
            and mask is None
            and replicas == 1
            and inputs.dtype == tf.float32
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not self.renorm
        )
