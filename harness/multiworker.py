"""The repair that MultiWorkerMirroredStrategy needs under Keras 3, and how input is shared among workers.

Keras 3.15's `fit` fails under this strategy at two places of keras/src/backend/tensorflow/trainer.py: the symbolic build
reduces a tuple of per-replica values, and `reduce_per_replica` reduces scalar metrics along axis 0. A model built and
compiled on one ordinary batch needs no symbolic build, and scalars reduce with axis None.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import trainer as keras_trainer


def sharded(dataset: tf.data.Dataset, strategy: Any) -> tf.data.Dataset:
    """Returns the dataset with sharding by data: every worker takes its part of each global batch."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options) if strategy else dataset


def prepare_model(model: Any, data: tf.data.Dataset, strategy: Any) -> None:
    """Builds model, metrics and optimizer from one ordinary batch, and repairs Keras for several workers.

    Keras would build them from the mean of what the replicas hold, which has to be of equal size; the last batches of the
    validation examples are not.
    """
    if strategy is None:
        return
    model._symbolic_build(data_batch=next(iter(data)))
    model._maybe_symbolic_build = lambda iterator=None, data_batch=None: None
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        keras_trainer.reduce_per_replica = _reduce_per_replica


def _reduce_per_replica(values: Any, strategy: tf.distribute.Strategy, reduction: str) -> Any:
    if reduction == "auto":
        reduction = "mean"

    def reduce(value: Any) -> Any:
        if not isinstance(value, tf.distribute.DistributedValues):
            return value
        per_replica = strategy.experimental_local_results(value)
        if reduction == "concat":
            return tf.concat(per_replica, axis=0)
        if reduction == "first":
            return per_replica[0]
        operation = tf.distribute.ReduceOp.MEAN if reduction == "mean" else tf.distribute.ReduceOp.SUM
        return strategy.reduce(operation, value, axis=None)

    return tf.nest.map_structure(reduce, values)
