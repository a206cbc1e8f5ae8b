"""Many examples answered a group at a time: what a network keeps of a few stays in a processor's cache, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

GROUP = 64
"""Examples at once."""


def in_groups(function: Callable[..., Any], form: Any, *values: tf.Tensor) -> Any:
    """Returns what a function answers of values [n, ...], though it sees at most GROUP examples at once.

    Args:
        function: of as many tensors [group, ...]; what it answers of an example hangs on that example alone. The last group
            is filled up with copies of the last example.
        form: tf.TensorSpec [None, ...], or a structure of them, of what the function answers.
    """
    count = tf.shape(values[0])[0]
    group = tf.clip_by_value(count, 1, GROUP)
    places = tf.minimum(tf.range(count + -count % group), count - 1)
    grouped = [_grouped(tf.gather(value, places), group) for value in values]
    answers = tf.map_fn(lambda group: function(*group), grouped, fn_output_signature=form)
    return tf.nest.map_structure(lambda answer: _joined(answer)[:count], answers)


def model_in_groups(model: keras.Model, examples: tf.Tensor) -> Any:
    """Returns what a model of one input answers, outside training, of examples [n, ...], at most GROUP at once."""
    form = tf.nest.map_structure(lambda output: tf.TensorSpec(output.shape, output.dtype), model.output)
    return in_groups(lambda group: model(group, training=False), form, examples)


def _grouped(values: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
    """Returns values [groups * group, ...] as [groups, group, ...]."""
    grouped = tf.reshape(values, tf.concat([[-1, group], tf.shape(values)[1:]], axis=0))
    return tf.ensure_shape(grouped, [None, None, *values.shape[1:]])


def _joined(values: tf.Tensor) -> tf.Tensor:
    """Returns values [groups, group, ...] as [groups * group, ...]."""
    shape = tf.shape(values)
    joined = tf.reshape(values, tf.concat([[shape[0] * shape[1]], shape[2:]], axis=0))
    return tf.ensure_shape(joined, [None, *values.shape[2:]])
