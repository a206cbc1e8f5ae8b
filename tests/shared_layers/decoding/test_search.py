"""The searches against every sequence there is, in small worlds."""

import itertools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from shared_layers.decoding.beam import BeamSearch
from shared_layers.decoding.greedy import GreedySearch, SampleSearch
from shared_layers.decoding.search import search

WORDS, LONGEST, EXAMPLES, START, END = 5, 4, 3, 1, 2


def table(seed):
    """Log-probabilities [example, position, word before, word]."""
    logits = np.random.default_rng(seed).normal(scale=2.0, size=(EXAMPLES, LONGEST, WORDS, WORDS))
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype("float32")


def decode(log_probabilities, strategy, start=START):
    """Runs the loop; the state is the position, the trace 10 x the word before."""
    examples = tf.repeat(tf.range(EXAMPLES), strategy.width)
    constant = tf.constant(log_probabilities)

    def step(words, state):
        found = tf.gather_nd(constant, tf.stack([examples, state, words], 1))
        return found, state + 1, 10.0 * tf.cast(words, tf.float32)[:, None]

    def run():
        state = tf.zeros(EXAMPLES * strategy.width, tf.int32)
        return search(step, state, strategy, tf.constant(EXAMPLES), LONGEST, start, END, trace_shape=(1,))

    return tf.nest.map_structure(lambda part: part.numpy(), tf.function(run)())


def everything(log_probabilities, length_power):
    """All finished sequences: (score, log-probability, words with padding), best first."""
    found = []
    others = [word for word in range(WORDS) if word != END]
    for length in range(LONGEST):
        for words in itertools.product(others, repeat=length):
            sequence, before, total = [*words, END], START, 0.0
            for position, word in enumerate(sequence):
                total += log_probabilities[position, before, word]
                before = word
            padded = sequence + [0] * (LONGEST - len(sequence))
            found.append((total / len(sequence) ** length_power, total, padded))
    return sorted(found, key=lambda item: -item[0])


@pytest.mark.parametrize("length_power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_wide_beam_finds_the_best_of_all_sequences(length_power, seed):
    log_probabilities = table(seed)
    found = decode(log_probabilities, BeamSearch(64, length_power))
    for example in range(EXAMPLES):
        best = everything(log_probabilities[example], length_power)[:12]
        assert found.words[example, :12].tolist() == [words for _, _, words in best]
        np.testing.assert_allclose(found.score[example, :12], [score for score, _, _ in best], atol=1e-5)
        np.testing.assert_allclose(found.log_probability[example, :12], [total for _, total, _ in best], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_by_hand(seed):
    log_probabilities = table(seed)
    found = decode(log_probabilities, GreedySearch())
    for example in range(EXAMPLES):
        before, words, total = START, [], 0.0
        for position in range(LONGEST):
            word = int(log_probabilities[example, position, before].argmax())
            total += log_probabilities[example, position, before, word]
            words.append(word)
            before = word
            if word == END:
                break
        assert found.words[example, 0].tolist() == words + [0] * (LONGEST - len(words))
        assert found.log_probability[example, 0] == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize("strategy", [GreedySearch(), BeamSearch(2), BeamSearch(3, 0.7)])
def test_trace_belongs_to_the_words_and_log_probability_to_the_sequence(strategy):
    log_probabilities = table(5)
    found = decode(log_probabilities, strategy)
    for example in range(EXAMPLES):
        for hypothesis in range(strategy.width):
            before, total = START, 0.0
            for position, word in enumerate(found.words[example, hypothesis]):
                assert found.trace[example, hypothesis, position, 0] == 10 * before
                total += log_probabilities[example, position, before, word]
                before = word
                if word == END:
                    break
            assert found.log_probability[example, hypothesis] == pytest.approx(total, abs=1e-4)


def test_a_narrow_beam_finds_no_better_than_the_best_of_all():
    for seed in range(4):
        log_probabilities = table(seed)
        found = decode(log_probabilities, BeamSearch(2, 0.7))
        for example in range(EXAMPLES):
            finished = [words.tolist() for words in found.words[example] if END in words]
            ranked = everything(log_probabilities[example], 0.7)
            places = [[words for _, _, words in ranked].index(words) for words in finished]
            assert places == sorted(set(places))
            if finished:
                assert found.score[example, 0] == pytest.approx(ranked[places[0]][0], abs=1e-5)


def test_what_never_ends_is_answered_unfinished():
    log_probabilities = table(0)
    log_probabilities[..., END] = -1e9
    found = decode(log_probabilities, BeamSearch(2))
    assert END not in found.words
    assert np.all(found.log_probability > -100)
    greedy = decode(log_probabilities, GreedySearch())
    assert np.all(found.log_probability[:, 0] >= greedy.log_probability[:, 0] - 1e-5)


def test_drawn_sequences_have_the_frequencies_of_the_distribution():
    log_probabilities, count = table(3), 4000
    found = decode(log_probabilities, SampleSearch(count, tf.constant([1, 2])))
    for example in range(EXAMPLES):
        drawn = Counter(map(tuple, found.words[example].tolist()))
        likeliest = everything(log_probabilities[example], 0.0)[:8]
        for _, total, words in likeliest:
            probability = np.exp(total)
            deviation = np.sqrt(count * probability * (1 - probability))
            assert abs(drawn[tuple(words)] - count * probability) < 4 * deviation
        for row, total in zip(found.words[example, :5].tolist(), found.log_probability[example, :5], strict=True):
            before, expected = START, 0.0
            for position, word in enumerate(row):
                expected += log_probabilities[example, position, before, word]
                before = word
                if word == END:
                    break
            assert total == pytest.approx(expected, abs=1e-4)


def test_the_same_seed_draws_the_same_and_another_does_not():
    first, again, other = (decode(table(3), SampleSearch(20, tf.constant([1, seed]))).words for seed in (0, 0, 50))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
