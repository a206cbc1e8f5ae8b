"""From features to captions, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.config import Config
from apps.captioning.vocabulary import END, SPECIAL, START
from shared_layers.decoding.beam import BeamSearch
from shared_layers.decoding.greedy import GreedySearch, SampleSearch
from shared_layers.decoding.search import Decoded, Strategy, repeat_rows, search


class Captions(NamedTuple):
    """Captions of a batch of pictures.

    words: int32 [batch, longest + 1], the end word included, padding after it.
    log_probability: float32 [batch], natural logarithm, of words and end.
    attention: float32 [batch, longest + 1, cells], where the decoder looked for each word; sums to 1.
    """

    words: tf.Tensor
    log_probability: tf.Tensor
    attention: tf.Tensor


def generate(config: Config, model: keras.Model, features: tf.Tensor, width: int) -> Captions:
    """Returns the best captions of features float32 [batch, cells, channels].

    Args:
        width: hypotheses of the beam search; 1: greedy search.
    """
    strategy = BeamSearch(width, config.decoding.length_power) if width > 1 else GreedySearch()
    found = _search(config, model, features, strategy)
    return Captions(found.words[:, 0], found.log_probability[:, 0], found.trace[:, 0])


def draw(config: Config, model: keras.Model, features: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns captions drawn at random from the model's distribution, int32 [batch, count, longest + 1].

    Args:
        seed: int32 [2]; the same pair draws the same captions.
    """
    return _search(config, model, features, SampleSearch(count, seed)).words


def _search(config: Config, model: keras.Model, features: tf.Tensor, strategy: Strategy) -> Decoded:
    decoder, cells = model.decoder, features.shape[1]
    never = _never(decoder.vocabulary_size)
    memory, state = decoder.start(features)
    memory = repeat_rows(memory, strategy.width)

    def step(words: tf.Tensor, state: Any):
        logits, state, weights = decoder.step(words, memory, state)
        return tf.nn.log_softmax(tf.cast(logits, tf.float32)) + never, state, weights

    return search(
        step,
        repeat_rows(state, strategy.width),
        strategy,
        tf.shape(features)[0],
        config.data.longest_caption + 1,
        START,
        END,
        trace_shape=(cells,),
    )


def _never(vocabulary_size: int) -> np.ndarray:
    """Added to log-probabilities, keeps padding, start and unknown words out of captions."""
    numbers = np.arange(vocabulary_size)
    return np.where((numbers < len(SPECIAL)) & (numbers != END), -1e9, 0.0).astype(np.float32)


def to_text(words: tf.Tensor, vocabulary: Sequence[str]) -> tf.Tensor:
    """Returns captions, strings [batch], of word numbers [batch, longest]."""
    written = np.array([word if number >= len(SPECIAL) else "" for number, word in enumerate(vocabulary)])
    texts = tf.gather(tf.constant(written), words)
    return tf.strings.strip(tf.strings.reduce_join(texts, axis=-1, separator=" "))
