"""Where a long recording is cut: in its pauses."""

from __future__ import annotations

import numpy as np

from apps.speech.models.front_end import SAMPLE_RATE

LONGEST = 20 * SAMPLE_RATE
"""Samples of a piece, at most."""
QUIET = SAMPLE_RATE // 4
"""Samples over which the power of a pause is measured."""


def starts(waveform: np.ndarray) -> list[int]:
    """Returns the sample at which each piece begins; a recording of up to 20 s is one piece.

    A piece ends in the middle of the quietest quarter of a second between its 10th and its 20th second.

    Args:
        waveform: float [samples] at 16 kHz.

    >>> sound = np.ones(25 * SAMPLE_RATE)
    >>> sound[15 * SAMPLE_RATE : 15 * SAMPLE_RATE + QUIET] = 0
    >>> [start / SAMPLE_RATE for start in starts(sound)]
    [0.0, 15.125]
    """
    found = [0]
    while len(waveform) - found[-1] > LONGEST:
        earliest = found[-1] + LONGEST // 2
        candidates = waveform[earliest : found[-1] + LONGEST].astype(np.float64)
        energy = np.cumsum(np.concatenate([[0.0], candidates**2]))
        found.append(earliest + int(np.argmin(energy[QUIET:] - energy[:-QUIET])) + QUIET // 2)
    return found
