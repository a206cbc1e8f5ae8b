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


def with_pauses(seconds, *pauses_there):
    waveform = noise(seconds)
    for begin, end in pauses_there:
        waveform[round(begin * RATE) : round(end * RATE)] *= 0.01
    return waveform


def test_a_piece_ends_in_every_pause_that_lasts_and_is_not_too_early():
    waveform = with_pauses(30, (0.3, 1.3), (4.0, 4.6), (9.0, 9.3), (13.0, 15.0), (15.6, 16.2), (29.0, 30.0))
    # the first would leave less than a second, the third is short, the last ends nothing
    assert np.array(pauses.starts(waveform)) / RATE == pytest.approx([0.0, 4.3, 14.0, 15.9], abs=0.02)


def test_what_is_soft_but_no_pause_is_not_cut():
    waveform = with_pauses(30, (10.0, 13.0))
    waveform[5 * RATE : 6 * RATE] *= 0.2
    assert np.array(pauses.starts(waveform)) / RATE == pytest.approx([0.0, 11.5], abs=0.02)


def test_without_pauses_the_cut_lies_in_the_quietest_place_of_the_second_half():
    waveform = with_pauses(50, (4.0, 4.3), (13.0, 13.3), (31.0, 31.3), (40.0, 40.3))
    assert np.array(pauses.starts(waveform)) / RATE == pytest.approx([0.0, 13.15, 31.15], abs=0.1)


def test_silence_is_cut_as_well():
    assert len(pauses.starts(np.zeros(50 * RATE, np.float32))) == 4
