"""Greedy search: the likeliest word at every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from shared_layers.decoding.search import Decoded, put


class _Found(NamedTuple):
    words: tf.Tensor
    log_probability: tf.Tensor
    trace: tf.Tensor
    finished: tf.Tensor
    end: tf.Tensor


@dataclass(frozen=True)
class GreedySearch:
    """Takes the likeliest word at every step until the end word; a strategy of `shared_layers.decoding.search`."""

    width: int = 1

    def begin(self, batch, longest, end, trace_shape) -> _Found:
        return _Found(
            words=tf.zeros((batch, 1, longest), tf.int32),
            log_probability=tf.zeros((batch, 1)),
            trace=tf.zeros((batch, 1, longest, *trace_shape)),
            finished=tf.zeros((batch, 1), tf.bool),
            end=tf.fill((batch,), end),
        )

    def choose(self, position, log_probabilities, trace, search: _Found):
        best = tf.argmax(log_probabilities, -1, tf.int32)
        words = tf.where(search.finished, 0, best)
        gained = tf.where(search.finished, 0.0, tf.reduce_max(log_probabilities, -1))
        looked = tf.reshape(search.finished, [-1, 1] + [1] * (trace.shape.rank - 2))
        found = search._replace(
            words=put(search.words, position, words),
            log_probability=search.log_probability + gained,
            trace=put(search.trace, position, tf.where(looked, 0.0, trace)),
            finished=search.finished | (best == search.end[:, None]),
        )
        return words, tf.zeros_like(words), found

    def going_on(self, position, search: _Found):
        return tf.logical_not(tf.reduce_all(search.finished))

    def finish(self, search: _Found) -> Decoded:
        return Decoded(search.words, search.log_probability, search.log_probability, search.trace)
