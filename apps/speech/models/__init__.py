"""The speech app's acoustic models."""

from __future__ import annotations

from typing import Any

import keras

from apps.speech.config import Blstm, Config
from apps.speech.models import blstm


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Returns the configured model, from padded waveforms and their lengths to logits and their frames."""
    match config.model:
        case Blstm():
            return blstm.build(config.model, config.features, spec)
        case _:
            raise TypeError(f"no model for {type(config.model).__name__}")


def seconds_per_frame(config: Config) -> float:
    """Returns the time from one logit frame to the next."""
    return blstm.seconds_per_frame(config.model, config.features)


def frames(config: Config, samples: int) -> int:
    """Returns the number of logit frames of an utterance of so many samples at 16 kHz."""
    return blstm.frames(config.model, config.features, samples)
