"""One word after the other without going back: the likeliest, or a drawn one."""

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

    def pick(self, position: tf.Tensor, log_probabilities: tf.Tensor) -> tf.Tensor:
        """Returns the next words int32 [batch, width] by log-probabilities [batch, width, vocabulary]."""
        return tf.argmax(log_probabilities, -1, tf.int32)

    def begin(self, batch, longest, end, trace_shape) -> _Found:
        return _Found(
            words=tf.zeros((batch, self.width, longest), tf.int32),
            log_probability=tf.zeros((batch, self.width)),
            trace=tf.zeros((batch, self.width, longest, *trace_shape)),
            finished=tf.zeros((batch, self.width), tf.bool),
            end=tf.fill((batch,), end),
        )

    def choose(self, position, log_probabilities, trace, search: _Found):
        picked = self.pick(position, log_probabilities)
        words = tf.where(search.finished, 0, picked)
        gained = tf.where(search.finished, 0.0, tf.gather(log_probabilities, picked, batch_dims=2))
        looked = search.finished[(..., *[None] * (trace.shape.rank - 2))]
        found = search._replace(
            words=put(search.words, position, words),
            log_probability=search.log_probability + gained,
            trace=put(search.trace, position, tf.where(looked, 0.0, trace)),
            finished=search.finished | (picked == search.end[:, None]),
        )
        return words, tf.zeros_like(words) + tf.range(self.width), found

    def going_on(self, position, search: _Found):
        return tf.logical_not(tf.reduce_all(search.finished))

    def finish(self, search: _Found) -> Decoded:
        return Decoded(search.words, search.log_probability, search.log_probability, search.trace)


@dataclass(frozen=True)
class SampleSearch(GreedySearch):
    """Draws `width` captions an example from the model's own distribution, word by word.

    `seed` is an int32 [2] tensor: the same pair draws the same words. The largest of log-probability plus Gumbel noise is
    a draw from the distribution (Gumbel 1954).
    """

    seed: tf.Tensor | None = None

    def pick(self, position, log_probabilities):
        seed = tf.random.fold_in(self.seed, position)
        uniform = tf.random.stateless_uniform(tf.shape(log_probabilities), seed, minval=1e-20)
        return tf.argmax(log_probabilities - tf.math.log(-tf.math.log(uniform)), -1, tf.int32)
