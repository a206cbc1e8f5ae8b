"""What MixSpeech lays over what, and by which shares."""

import numpy as np
import pytest

from shared_layers.audio.mix_speech import MixSpeech

LENGTHS = np.array([9, 5, 7, 3])


def padded(seed=0):
    features = np.random.default_rng(seed).standard_normal((4, 9, 6)).astype(np.float32)
    for row, length in zip(features, LENGTHS, strict=True):
        row[length:] = 0
    return features


def test_every_utterance_is_the_sum_of_its_own_share_and_the_rest_of_the_one_before():
    features = padded()
    mixed, lengths, own = (np.array(part) for part in MixSpeech(1.0, seed=2)(features, LENGTHS, training=True))
    assert ((own > 0) & (own < 1)).all() and len(set(own)) == 4
    for row in range(4):
        expected = own[row] * features[row] + (1 - own[row]) * features[row - 1]
        np.testing.assert_allclose(mixed[row], expected, atol=1e-6)
    assert lengths.tolist() == [9, 9, 7, 7]


def test_shares_follow_the_beta_distribution_and_so_many_utterances_are_mixed():
    features, lengths = np.zeros((20_000, 1, 1), np.float32), np.ones(20_000, np.int32)
    own = np.array(MixSpeech(0.25, seed=0)(features, lengths, training=True)[2])
    drawn = own[own < 1]
    assert len(drawn) / len(own) == pytest.approx(0.25, abs=0.02)
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.var() == pytest.approx(1 / 8, abs=0.005)  # of Beta(1/2, 1/2)


def test_what_is_not_mixed_stays_as_it_is():
    features = padded()
    mixed, lengths, own = (np.array(part) for part in MixSpeech(0.5, seed=4)(features, LENGTHS, training=True))
    alone = own == 1
    assert 0 < alone.sum() < 4
    np.testing.assert_array_equal(mixed[alone], features[alone])
    assert lengths[alone].tolist() == LENGTHS[alone].tolist()


def test_draws_differ_and_the_same_seed_draws_the_same():
    features, layer = padded(), MixSpeech(1.0, seed=5)
    first, second = (np.array(layer(features, LENGTHS, training=True)[0]) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, MixSpeech(1.0, seed=5)(features, LENGTHS, training=True)[0])


def test_nothing_happens_outside_training():
    features, lengths, own = MixSpeech(1.0)(padded(), LENGTHS)
    np.testing.assert_array_equal(features, padded())
    assert np.array(lengths).tolist() == LENGTHS.tolist() and (np.array(own) == 1).all()
