"""Where a long recording is cut: in its pauses."""

from __future__ import annotations

import numpy as np

from apps.speech.models.front_end import SAMPLE_RATE

LONGEST = 20 * SAMPLE_RATE
"""Samples of a piece, at most."""
FRAME = SAMPLE_RATE // 100
"""Samples over which the level of the sound is measured."""
SHORTEST, PAUSE, QUIET = 100, 40, 25
"""Frames of a piece, at least; of a pause, at least; and of the quietest place of a piece without one."""
FLOOR, PEAK, SHARE = 10, 95, 0.45
"""A frame is quiet below this share of the way, in decibels, from the one percentile of the levels around it to the other."""


def starts(waveform: np.ndarray) -> list[int]:
    """Returns the sample at which each piece begins; a recording of up to 20 s is one piece.

    A piece ends in the middle of the first pause of 0.4 s or more after its first second. Where nobody pauses for 20 s it ends in the
    middle of the quietest quarter of a second between its 10th and its 20th second.

    Args:
        waveform: float [samples] at 16 kHz.

    >>> sound = np.ones(25 * SAMPLE_RATE)
    >>> sound[15 * SAMPLE_RATE : 16 * SAMPLE_RATE] = 0
    >>> [start / SAMPLE_RATE for start in starts(sound)]
    [0.0, 15.5]
    """
    found = [0]
    if len(waveform) <= LONGEST:
        return found
    levels = _levels(waveform)
    while True:
        ahead = levels[found[-1] // FRAME :][: LONGEST // FRAME]
        frames = _first_pause(ahead)
        if frames is None:
            if len(waveform) - found[-1] <= LONGEST:
                return found
            frames = _quietest(ahead)
        found.append(found[-1] + frames * FRAME)


def _levels(waveform: np.ndarray) -> np.ndarray:
    """Returns the level of each frame, float32; of samples on a disk a few at a time are read."""
    return np.concatenate([_decibels(waveform[first : first + LONGEST]) for first in range(0, len(waveform), LONGEST)])


def _decibels(samples: np.ndarray) -> np.ndarray:
    """Returns the level of each whole frame in decibels of full scale."""
    whole = samples[: len(samples) // FRAME * FRAME].astype(np.float32).reshape(-1, FRAME)
    return 10.0 * np.log10(np.mean(np.square(whole), axis=1) + np.float32(1e-10))


def _first_pause(levels: np.ndarray) -> int | None:
    """Returns the middle of the first pause that ends before the levels do, or None."""
    if len(levels) < SHORTEST:
        return None
    floor, peak = np.percentile(levels, (FLOOR, PEAK))
    quiet = levels < floor + SHARE * (peak - floor)
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False))
    for begin, end in edges.reshape(-1, 2).tolist():
        middle = (begin + end) // 2
        if end - begin >= PAUSE and middle >= SHORTEST and end < len(levels):
            return middle
    return None


def _quietest(levels: np.ndarray) -> int:
    """Returns the middle of the quietest quarter of a second in the second half of the levels."""
    first = len(levels) // 2
    energy = np.cumsum(np.concatenate([[0.0], 10.0 ** (levels[first:].astype(np.float64) / 10.0)]))
    return first + int(np.argmin(energy[QUIET:] - energy[:-QUIET])) + QUIET // 2
