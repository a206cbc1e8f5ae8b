"""The speech app's acoustic models."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras

from apps.speech.config import AttentionEncoderDecoder, Blstm, Config, DeepSpeech2, Framewise, ProjectedLstm, Tdnn
from apps.speech.models import attention, blstm, deep_speech_2, framewise, front_end, projected_lstm, tdnn
from datasets.errors import DataError


def build(config: Config, spec: dict[str, Any], ctc: keras.Model | None = None) -> keras.Model:
    """Returns the configured model, from padded waveforms and their lengths to logits and their frames.

    Args:
        ctc: the trained CTC model beside which a framewise classifier stands; without it, that CTC model is built.

    Raises:
        DataError: settings that do not go together.
    """
    if config.features.mix_share and isinstance(config.model, AttentionEncoderDecoder | Framewise):
        raise DataError(
            "--features.mix-share: only models that learn by CTC alone learn from mixed utterances; leave it out"
        )
    classes = len(spec["characters"]) + 1
    if isinstance(config.model, Framewise) and ctc is not None:
        return framewise.build(config.model, config.features, classes, ctc)
    if isinstance(config.model, AttentionEncoderDecoder):
        return attention.build(config.model, config.features, classes)
    return _family(config).build(config.model, config.features, classes)


def _family(config: Config) -> ModuleType:
    """Returns the module of the CTC model: P5's encoder and P8's networks are P1's."""
    match config.model:
        case Blstm():
            return blstm
        case DeepSpeech2():
            return deep_speech_2
        case ProjectedLstm():
            return projected_lstm
        case Tdnn():
            return tdnn
        case _:
            raise TypeError(f"no model for {type(config.model).__name__}")


def seconds_per_frame(config: Config) -> float:
    """Returns the time from one logit frame to the next."""
    _, hop = front_end.window_and_hop(config.features)
    return hop * config.features.stack_stride * _family(config).stride(config.model) / front_end.SAMPLE_RATE


def frames(config: Config, samples: int) -> int:
    """Returns the number of logit frames of an utterance of so many samples at 16 kHz."""
    return -(-front_end.frames(config.features, samples) // _family(config).stride(config.model))
