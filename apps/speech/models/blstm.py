"""P1: log-mel features, strided convolutions, a deep bidirectional LSTM, and CTC.

Graves et al., "Connectionist temporal classification", ICML 2006; "Speech recognition with deep recurrent neural networks",
ICASSP 2013.
"""

from __future__ import annotations

from typing import Any

import keras

from apps.speech.config import Blstm, FeaturesConfig
from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.spec_augment import SpecAugment
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.ctc.model import CTCModel
from shared_layers.masking.standardize_frames import StandardizeFrames
from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM

SAMPLE_RATE = 16000


def window_and_hop(features: FeaturesConfig) -> tuple[int, int]:
    """Returns the length of a window and of a hop in samples."""
    return tuple(round(ms * SAMPLE_RATE / 1000) for ms in (features.window_milliseconds, features.hop_milliseconds))


def frames(model: Blstm, features: FeaturesConfig, samples: int) -> int:
    """Returns the number of logit frames of so many samples."""
    window, hop = window_and_hop(features)
    count = max(0, 1 + (samples - window) // hop)
    for _ in model.filters:
        count = -(-count // 2)
    return count


def seconds_per_frame(model: Blstm, features: FeaturesConfig) -> float:
    """Returns the time from one logit frame to the next: each stage of convolutions doubles the hop."""
    return window_and_hop(features)[1] * 2 ** len(model.filters) / SAMPLE_RATE


def build(model: Blstm, features: FeaturesConfig, spec: dict[str, Any]) -> CTCModel:
    """Returns {"waveforms": float32 [n, samples], "lengths": int32 [n]} -> {"logits": float32 [n, frames, characters + 1], "frames": int32 [n]}."""
    waveforms = keras.Input((None,), name="waveforms", dtype="float32")
    lengths = keras.Input((), name="lengths", dtype="int32")
    window, hop = window_and_hop(features)
    x, count = LogMel(
        SAMPLE_RATE, features.bins, window, hop, lowest_hertz=features.lowest_hertz, name="log_mel"
    )(waveforms, lengths)  # fmt: skip
    x = StandardizeFrames(name="standardize")(x, count)
    x = SpecAugment(
        features.frequency_masks, features.frequency_width, features.time_masks, features.time_width, name="spec_augment"
    )(x, count)  # fmt: skip
    x = keras.layers.Reshape((-1, features.bins, 1), name="one_channel")(x)
    for stage, filters in enumerate(model.filters, start=1):
        for number in range(1, model.convolutions + 1):
            strides = (2, 2) if number == model.convolutions else (1, 1)
            x, count = FrameConvolution(filters, 3, strides, name=f"convolution_{stage}_{number}")(x, count)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="channels_side_by_side")(x)
    if model.projection:
        x = keras.layers.Dense(model.projection, name="projection")(x)
    x = keras.layers.LayerNormalization(name="normalization")(x)
    # the CTC loss and its decoders take float32 only
    to_logits = keras.layers.Dense(len(spec["characters"]) + 1, dtype="float32", name="logits")
    outputs = {}
    for number in range(1, model.layers + 1):
        x = keras.layers.Dropout(model.dropout, name=f"dropout_{number}")(x)
        x = BidirectionalLSTM(model.units, name=f"blstm_{number}")(x, count)
        if model.intermediate_loss and number < model.layers:
            outputs[f"intermediate_{number}"] = to_logits(x)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    outputs |= {"logits": to_logits(x), "frames": count}
    return CTCModel(inputs={"waveforms": waveforms, "lengths": lengths}, outputs=outputs, name="blstm")
