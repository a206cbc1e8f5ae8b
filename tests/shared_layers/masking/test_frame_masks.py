"""Masks and standardisation by explicit lengths."""

import numpy as np

from shared_layers.masking.frame_mask import frame_mask, zero_padded_frames
from shared_layers.masking.standardize_frames import StandardizeFrames


def test_mask_by_hand():
    assert np.array(frame_mask(np.array([0, 2, 3]), 3)).tolist() == [[False] * 3, [True, True, False], [True] * 3]


def test_padding_becomes_zero_whatever_it_held():
    sequences = np.full((2, 3, 2, 2), np.nan, np.float32)
    sequences[0, :1], sequences[1, :2] = 1.0, 2.0
    output = np.array(zero_padded_frames(sequences, np.array([1, 2])))
    assert output.sum() == 4 * 1 + 8 * 2


def test_standardised_over_real_frames_only():
    generator = np.random.default_rng(0)
    sequences = generator.normal(5, 3, (3, 40, 6)).astype(np.float32)
    lengths = np.array([40, 25, 7])
    dirty = sequences.copy()
    dirty[1, 25:], dirty[2, 7:] = 1e6, np.nan
    output = np.array(StandardizeFrames()(dirty, lengths))
    for row, length, result in zip(sequences, lengths, output, strict=True):
        real = row[:length].astype(np.float64)
        np.testing.assert_allclose(result[:length], (real - real.mean(0)) / real.std(0), atol=1e-4)
        assert not result[length:].any()


def test_constant_and_empty_sequences_stay_finite():
    output = np.array(StandardizeFrames()(np.full((2, 4, 3), 7.0, np.float32), np.array([4, 0])))
    np.testing.assert_array_equal(output, 0)
