"""One decoding loop inside the graph; a strategy decides which words go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf


class Decoded(NamedTuple):
    """What a search found, best first.

    words: int32 [batch, hypotheses, longest], without start; the end word stands last, then padding (0).
    log_probability: float32 [batch, hypotheses], natural logarithm, summed over words and end.
    score: float32 [batch, hypotheses], what the hypotheses are ranked by.
    trace: float32 [batch, hypotheses, longest, ...], what the step function gave beside every word.
    """

    words: tf.Tensor
    log_probability: tf.Tensor
    score: tf.Tensor
    trace: tf.Tensor


class Strategy(Protocol):
    """Chooses words. Its rows are the hypotheses that are alive, `width` for each example."""

    width: int

    def begin(self, batch: tf.Tensor, longest: int, end: int, trace_shape: tuple[int, ...]) -> Any:
        """Returns the search's own tensors before the first word."""

    def choose(self, position: tf.Tensor, log_probabilities: tf.Tensor, trace: tf.Tensor, search: Any) -> tuple:
        """Takes [batch, width, vocabulary] and [batch, width, ...]; returns words and parents int32 [batch, width], search."""

    def going_on(self, position: tf.Tensor, search: Any) -> tf.Tensor:
        """Returns whether another word may change the answer."""

    def finish(self, search: Any) -> Decoded:
        """Returns the answer."""


Step = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any, tf.Tensor]]
"""(words int32 [rows], state) -> (log-probabilities [rows, vocabulary], state, trace [rows, ...])."""


def search(
    step: Step, state: Any, strategy: Strategy, batch: tf.Tensor, longest: int, start: int, end: int, trace_shape=()
) -> Decoded:
    """Decodes a batch word by word.

    Args:
        step: advances every row by one word. Rows are ordered by example, then hypothesis.
        state: nested tensors with a first axis of batch x strategy.width rows.
        strategy: `GreedySearch` or `BeamSearch`.
        batch: number of examples, scalar.
        longest: number of words, the end word included, after which every hypothesis stops.
        start: index of the word before the first.
        end: index of the word after the last.
        trace_shape: of one row's trace; () where the step gives a scalar.

    Returns:
        Decoded.
    """
    width = strategy.width
    words = tf.fill((batch, width), tf.constant(start, tf.int32))

    def condition(position, words, state, found):
        return tf.logical_and(position < longest, strategy.going_on(position, found))

    def body(position, words, state, found):
        log_probabilities, state, trace = step(tf.reshape(words, [-1]), state)
        grouped = tf.reshape(tf.cast(log_probabilities, tf.float32), (batch, width, log_probabilities.shape[-1]))
        trace = tf.reshape(tf.cast(trace, tf.float32), (batch, width, *trace_shape))
        words, parents, found = strategy.choose(position, grouped, trace, found)
        rows = tf.reshape(parents + width * tf.range(batch)[:, None], [-1])
        after = (words, tf.nest.map_structure(lambda part: tf.gather(part, rows), state), found)
        tf.nest.map_structure(lambda part, shape: part.set_shape(shape), after, shapes)
        return position + 1, *after

    begun = strategy.begin(batch, longest, end, tuple(trace_shape))
    loop = (tf.constant(0), words, state, begun)
    shapes = tf.nest.map_structure(lambda part: tf.TensorShape([None, *part.shape[1:]]), (words, state, begun))
    *_, found = tf.while_loop(condition, body, loop, shape_invariants=(tf.TensorShape([]), *shapes))
    return strategy.finish(found)


def repeat_rows(nested: Any, width: int) -> Any:
    """Returns tensors [batch, ...] with every row `width` times in succession."""
    return tf.nest.map_structure(lambda part: tf.repeat(part, width, axis=0), nested)


def put(sequences: tf.Tensor, position: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns sequences [batch, width, longest, ...] with `values` [batch, width, ...] at one position."""
    here = tf.range(tf.shape(sequences)[2]) == position
    here = tf.reshape(here, [1, 1, -1] + [1] * (sequences.shape.rank - 3))
    return tf.where(here, values[:, :, None], sequences)
