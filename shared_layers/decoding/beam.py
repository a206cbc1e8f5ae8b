"""Beam search with length normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from shared_layers.decoding.search import Decoded, put

IMPOSSIBLE = -1e9


class _Pool(NamedTuple):
    words: tf.Tensor
    log_probability: tf.Tensor
    score: tf.Tensor
    trace: tf.Tensor


class _Found(NamedTuple):
    alive: _Pool
    finished: _Pool
    end: tf.Tensor


@dataclass(frozen=True)
class BeamSearch:
    """Keeps the `width` likeliest unfinished hypotheses and the `width` best finished ones.

    A finished hypothesis is ranked by log-probability / words ** length_power, its end word counted; 0 ranks by
    log-probability, 1 by its mean a word. What is unfinished at the end counts only where too few hypotheses finished.
    A strategy of `shared_layers.decoding.search`.

    Source: Sutskever et al. 2014 (left-to-right beam search); Wu et al. 2016, section 7 (length normalisation, pools).
    """

    width: int = 3
    length_power: float = 0.0

    def begin(self, batch, longest, end, trace_shape) -> _Found:
        def pool(log_probability) -> _Pool:
            return _Pool(
                words=tf.zeros((batch, self.width, longest), tf.int32),
                log_probability=log_probability,
                score=tf.fill((batch, self.width), IMPOSSIBLE),
                trace=tf.zeros((batch, self.width, longest, *trace_shape)),
            )

        first = tf.one_hot(tf.zeros(batch, tf.int32), self.width, on_value=0.0, off_value=IMPOSSIBLE)
        return _Found(pool(first), pool(tf.fill((batch, self.width), IMPOSSIBLE)), tf.fill((batch,), end))

    def choose(self, position, log_probabilities, trace, search: _Found):
        alive, vocabulary = search.alive, log_probabilities.shape[-1]
        totals = tf.maximum(alive.log_probability[..., None] + log_probabilities, IMPOSSIBLE)
        # Every hypothesis can end at most once, so 2 x width candidates always hold `width` that go on.
        best, places = tf.math.top_k(tf.reshape(totals, (-1, self.width * vocabulary)), 2 * self.width)
        parents, words = places // vocabulary, places % vocabulary
        candidates = _Pool(
            words=put(tf.gather(alive.words, parents, batch_dims=1), position, words),
            log_probability=best,
            score=best,
            trace=put(tf.gather(alive.trace, parents, batch_dims=1), position, tf.gather(trace, parents, batch_dims=1)),
        )
        ends = words == search.end[:, None]
        scored = tf.where(ends & (best > IMPOSSIBLE / 2), best / self._length(position + 1), IMPOSSIBLE)
        finished = _best(_join(search.finished, candidates._replace(score=scored)), self.width)
        order = tf.math.top_k(tf.where(ends, 2 * IMPOSSIBLE, best), self.width)[1]
        alive = _take(candidates, order)
        chosen, parents = (tf.gather(part, order, batch_dims=1) for part in (words, parents))
        return chosen, parents, search._replace(alive=alive, finished=finished)

    def going_on(self, position, search: _Found):
        longest = search.alive.words.shape[2] or tf.shape(search.alive.words)[2]
        # A log-probability only falls, so this is the most that an unfinished hypothesis can still score.
        attainable = tf.reduce_max(search.alive.log_probability, 1) / self._length(longest)
        return tf.reduce_any(attainable > tf.reduce_min(search.finished.score, 1))

    def finish(self, search: _Found) -> Decoded:
        longest = tf.shape(search.alive.words)[2]
        # Unfinished hypotheses rank behind every finished one, and among themselves by log-probability.
        unfinished = search.alive._replace(score=search.alive.log_probability / self._length(longest) + IMPOSSIBLE / 2)
        best = _best(_join(search.finished, unfinished), self.width)
        score = tf.where(best.score < IMPOSSIBLE / 4, best.log_probability / self._length(longest), best.score)
        return Decoded(best.words, best.log_probability, score, best.trace)

    def _length(self, words) -> tf.Tensor:
        return tf.cast(words, tf.float32) ** self.length_power


def _join(first: _Pool, second: _Pool) -> _Pool:
    return _Pool(*(tf.concat(parts, 1) for parts in zip(first, second, strict=True)))


def _take(pool: _Pool, order: tf.Tensor) -> _Pool:
    return _Pool(*(tf.gather(part, order, batch_dims=1) for part in pool))


def _best(pool: _Pool, width: int) -> _Pool:
    return _take(pool, tf.math.top_k(pool.score, width)[1])
