"""Losses of models that train on several devices."""

from __future__ import annotations

import tensorflow as tf


def replica_share(loss: tf.Tensor) -> tf.Tensor:
    """Returns what one replica's mean adds to the mean over the global batch, as Keras' own losses do under a strategy."""
    return loss / tf.distribute.get_strategy().num_replicas_in_sync
