"""Label error rate of the best path, as a Keras metric."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.ctc.decoding import greedy_decode
from shared_layers.ctc.loss import sparse_labels


@keras.saving.register_keras_serializable(package="shared_layers")
class LabelErrorRate(keras.metrics.Metric):
    """Insertions, deletions and substitutions of the best path, divided by the number of labels (over all sequences).

    With characters as labels this is the character error rate.

    >>> metric = LabelErrorRate()
    >>> metric.update_state(tf.constant([[0, 1]]), tf.one_hot([[0, 0, 2]], 3), tf.constant([3]))
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name: str = "label_error_rate", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.errors = self.add_weight(name="errors", initializer="zeros")
        self.labels = self.add_weight(name="labels", initializer="zeros")

    def update_state(self, labels, logits, lengths):
        """Adds a batch: labels int [n, longest] ending in -1s, logits [n, frames, classes] (blank last), lengths int [n]."""
        labels = sparse_labels(tf.cast(labels, tf.int32))
        best = greedy_decode(logits, lengths).to_sparse()
        distances = tf.edit_distance(best, _as_long_as(labels, best), normalize=False)
        self.errors.assign_add(tf.cast(tf.reduce_sum(distances), self.dtype))
        self.labels.assign_add(tf.cast(tf.size(labels.values), self.dtype))

    def result(self):
        return tf.math.divide_no_nan(tf.convert_to_tensor(self.errors), tf.convert_to_tensor(self.labels))


def _as_long_as(labels: tf.SparseTensor, best: tf.SparseTensor) -> tf.SparseTensor:
    # edit_distance wants the same number of rows on both sides, which a ragged tensor always has
    return tf.SparseTensor(
        labels.indices, labels.values, tf.stack([best.dense_shape[0], tf.maximum(labels.dense_shape[1], 1)])
    )
