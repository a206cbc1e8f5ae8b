"""CTC scores of prefixes against the sum over every path."""

import numpy as np
import pytest
import tensorflow as tf

from shared_layers.ctc.loss import ctc_loss
from shared_layers.ctc.prefix import advanced, empty_prefix, frozen, prefix_scores
from tests.shared_layers.ctc.test_loss_and_decoding import probabilities_of_labels, random_logits


def after(log_probabilities, labels):
    prefix = empty_prefix(log_probabilities)
    for label in labels:
        prefix = advanced(log_probabilities, prefix, tf.fill([len(log_probabilities)], label))
    return prefix


def beginning(totals, labels):
    return sum(value for text, value in totals.items() if text[: len(labels)] == tuple(labels))


@pytest.mark.parametrize("labels", [[], [0], [2], [0, 0], [1, 2], [1, 2, 1], [2, 2, 0]])
def test_scores_are_sums_over_all_paths(labels):
    logits = random_logits(1, frames=6)
    totals = probabilities_of_labels(logits[0].astype(np.float64))
    log_probabilities = frozen(tf.constant(logits), tf.constant([6]))
    prefix = after(log_probabilities, labels)
    scores = np.exp(prefix_scores(log_probabilities, prefix).numpy()[0])
    np.testing.assert_allclose(np.exp(prefix.score), [beginning(totals, labels)], rtol=1e-5)
    np.testing.assert_allclose(scores[:-1], [beginning(totals, [*labels, label]) for label in range(3)], rtol=1e-5)
    assert scores[-1] == pytest.approx(totals[tuple(labels)], rel=1e-5)


def test_what_needs_more_frames_than_there_are_cannot_be():
    log_probabilities = frozen(tf.constant(random_logits(1, frames=2)), tf.constant([2]))
    assert prefix_scores(log_probabilities, after(log_probabilities, [0]))[0, 0] < -1e8  # wants a blank between
    assert prefix_scores(log_probabilities, after(log_probabilities, [0]))[0, 1] > -20
    assert (prefix_scores(log_probabilities, after(log_probabilities, [0, 1]))[0, :-1].numpy() < -1e8).all()


def test_padded_frames_count_for_nothing():
    logits = random_logits(2, frames=5)
    dirty = np.concatenate([logits, np.full((2, 40, 4), 99.0, np.float32)], axis=1)
    lengths = tf.constant([5, 5])
    clean, padded = frozen(tf.constant(logits), lengths), frozen(tf.constant(dirty), lengths)
    for labels in ([], [0], [1, 1]):
        expected = prefix_scores(clean, after(clean, labels))
        np.testing.assert_allclose(prefix_scores(padded, after(padded, labels)), expected, atol=1e-4)


def test_rows_go_on_by_themselves_and_the_blank_leaves_them_as_they_are():
    log_probabilities = frozen(tf.constant(random_logits(2, frames=5)), tf.constant([5, 5]))
    prefix = advanced(log_probabilities, empty_prefix(log_probabilities), tf.constant([1, 3]))
    scores = prefix_scores(log_probabilities, prefix)
    np.testing.assert_allclose(scores[0], prefix_scores(log_probabilities, after(log_probabilities, [1]))[0], rtol=1e-5)
    np.testing.assert_allclose(
        scores[1], prefix_scores(log_probabilities, empty_prefix(log_probabilities))[1], rtol=1e-5
    )


def test_a_whole_minute_is_scored_as_the_loss_says():
    generator = np.random.default_rng(3)
    texts, lengths = generator.integers(0, 29, (2, 40)), tf.constant([1500, 1400])
    logits = generator.normal(0, 1, (2, 1500, 30)).astype(np.float32)
    logits[:, :, 29] += 8
    for row in range(2):  # every label in a frame of its own, and once heard wrong
        logits[row, np.arange(40) * 30 + 20, texts[row]] += 12
        logits[row, 20] += 20 * np.eye(30, dtype=np.float32)[(texts[row, 0] + 1) % 29]
    log_probabilities = frozen(tf.constant(logits), lengths)
    prefix = empty_prefix(log_probabilities)
    for labels in texts.T:
        prefix = advanced(log_probabilities, prefix, tf.constant(labels, tf.int32))
    expected = -ctc_loss(tf.constant(texts, tf.int32), tf.constant(logits), lengths).numpy()
    np.testing.assert_allclose(prefix_scores(log_probabilities, prefix)[:, -1], expected, atol=0.01)
