"""Long recordings cut in their pauses."""

import numpy as np
import pytest

from apps.speech import pauses

RATE = 16_000


def noise(seconds):
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.05, 3.0, 20.0])
def test_what_is_short_stays_whole(seconds):
    assert pauses.starts(noise(seconds)) == [0]


@pytest.mark.parametrize("seconds", [20.001, 61.0, 600.0])
def test_no_piece_is_longer_than_twenty_seconds_or_too_short_for_a_frame(seconds):
    waveform = noise(seconds)
    pieces = np.split(waveform, pauses.starts(waveform)[1:])
    lengths = np.array([len(piece) for piece in pieces]) / RATE
    assert lengths.max() <= 20.0
    assert (lengths[:-1] >= 10.0).all() and lengths[-1] > 0.1
    np.testing.assert_array_equal(np.concatenate(pieces), waveform)


def test_the_cuts_lie_in_the_pauses():
    waveform = noise(50)
    for middle in (4.0, 13.0, 31.0, 40.0):  # the first is too early, and after the third less than 20 s are left
        waveform[round((middle - 0.2) * RATE) : round((middle + 0.2) * RATE)] *= 0.01
    assert np.array(pauses.starts(waveform)) / RATE == pytest.approx([0.0, 13.0, 31.0], abs=0.1)


def test_silence_is_cut_as_well():
    assert len(pauses.starts(np.zeros(50 * RATE, np.float32))) == 4
