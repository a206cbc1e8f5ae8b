"""What makes a recording useless for training, each fault by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.speech.config import Config
from apps.speech.models import frames
from apps.speech.models.front_end import SAMPLE_RATE
from datasets.errors import DataError
from shared_layers.ctc.loss import frames_needed

SILENT_PEAK = 33
"""Largest absolute sample of a silent recording, int16: 60 dB below full scale."""
UNREADABLE, EMPTY = "unreadable recording", "empty transcript"
"""Faults that leave nothing to test; what follows the first is the single file's own."""
CLIPPED_SHARE = 0.01
"""Share of samples at full scale from which a recording counts as clipped."""
_FULL_SCALE = 32766


def fault(config: Config, samples: Any, transcript: str, fastest: float) -> str | None:
    """Returns what is wrong with an utterance, or None.

    Args:
        samples: int16 [samples] at 16 kHz, or such that are read from the disk when they are looked at, as they are here.
        fastest: highest speed at which it is played in training.
    """
    if not transcript:
        return EMPTY
    try:  # before anything else: what cannot be read cannot be tested either, whatever its length
        loudness = np.abs(samples.astype(np.int32))
    except DataError as error:
        return f"{UNREADABLE}: {error}"
    if len(samples) > config.data.longest_seconds * SAMPLE_RATE:
        return f"longer than {config.data.longest_seconds:g} s"
    if frames(config, int(len(samples) / fastest) - 1) < frames_needed(transcript):
        return "fewer frames than its transcript needs"
    if loudness.max() <= SILENT_PEAK:
        return "silent"
    if np.mean(loudness >= _FULL_SCALE) > CLIPPED_SHARE:
        return "clipped"
    return None
