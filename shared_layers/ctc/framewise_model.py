"""A functional model trained to name each frame."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.losses.replica_share import replica_share


@keras.saving.register_keras_serializable(package="shared_layers")
class FramewiseModel(keras.Model):
    """Trains on the mean cross-entropy of all labelled frames of a batch and measures the share of them named wrongly.

    Its outputs hold `"logits"` [n, frames, classes]; its targets are int32 [n, frames], -1 in frames that have no label. Compile it
    without a loss.

    >>> sequences = keras.Input((None, 4))
    >>> model = FramewiseModel(sequences, {"logits": keras.layers.Dense(3)(sequences)})
    >>> model.compile("adam")
    >>> sorted(model.train_on_batch(tf.ones([2, 2, 4]), tf.constant([[0, 1], [1, -1]]), return_dict=True))
    ['frame_error_rate', 'loss']
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.supports_jit = False
        self.frame_error_rate = keras.metrics.Mean(name="frame_error_rate")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        labels, labelled = self._labels(y, y_pred["logits"])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(y_pred["logits"], tf.float32))
        loss = tf.reduce_sum(losses * labelled) / tf.maximum(1.0, tf.reduce_sum(labelled))
        return tf.add_n([replica_share(loss), *self.losses])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        labels, labelled = self._labels(y, y_pred["logits"])
        wrong = tf.cast(tf.argmax(y_pred["logits"], axis=-1, output_type=tf.int32) != labels, tf.float32)
        self.frame_error_rate.update_state(wrong, sample_weight=labelled)
        return self.get_metrics_result()

    @staticmethod
    def _labels(targets, logits):
        """Returns classes int32 [n, frames] as long as the logits, and float32 [n, frames]: 1 where there is a label."""
        frames = tf.shape(logits)[1]
        targets = tf.cast(targets, tf.int32)[:, :frames]
        targets = tf.pad(targets, [[0, 0], [0, frames - tf.shape(targets)[1]]], constant_values=-1)
        return tf.maximum(targets, 0), tf.cast(targets >= 0, tf.float32)
