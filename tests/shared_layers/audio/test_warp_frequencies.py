"""Where stretched and squeezed frequencies land."""

import numpy as np
import pytest

from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.warp_frequencies import WarpFrequencies


def features_of(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(16000) / 16000).astype(np.float32)
    return LogMel(bins=80)(tone[None], np.array([16000]))[0]


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
@pytest.mark.parametrize("hertz", [700.0, 3000.0])
def test_a_tone_lands_where_a_tone_of_its_frequency_over_the_factor_stands(hertz, factor):
    warped = WarpFrequencies(0.2).warped(features_of(hertz), np.array([factor], np.float32))
    peak, expected = (int(np.argmax(np.mean(f, axis=(0, 1)))) for f in (warped, features_of(hertz / factor)))
    assert abs(peak - expected) <= 1
    assert factor == 1.0 or abs(peak - int(np.argmax(np.mean(features_of(hertz), axis=(0, 1))))) > 1


def test_factor_one_changes_nothing_and_edges_go_on():
    features = np.random.default_rng(0).normal(size=(2, 5, 40)).astype(np.float32)
    layer = WarpFrequencies(0.2)
    np.testing.assert_allclose(layer.warped(features, np.ones(2, np.float32)), features, atol=1e-3)
    stretched = np.array(layer.warped(features, np.full(2, 1.2, np.float32)))
    np.testing.assert_allclose(stretched[:, :, -1], features[:, :, -1], atol=1e-5)


def test_each_utterance_draws_its_own_factor_in_training_only():
    features = np.tile(np.random.default_rng(0).normal(size=(1, 3, 40)), (6, 1, 1)).astype(np.float32)
    layer = WarpFrequencies(0.1, seed=4)
    np.testing.assert_array_equal(layer(features), features)
    first, second = (np.array(layer(features, training=True)) for _ in range(2))
    assert (first != second).any()
    assert len({row.tobytes() for row in first}) == 6
    again = np.array(WarpFrequencies(0.1, seed=4)(features, training=True))
    np.testing.assert_array_equal(first, again)
