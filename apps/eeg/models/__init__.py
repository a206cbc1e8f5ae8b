"""The models of the EEG app."""

from __future__ import annotations

from typing import Any

import keras

from apps.eeg.config import CnnLstm, Config, MaxPool
from apps.eeg.frames import topographic_frames
from apps.eeg.models.combined import build_cnn_lstm, build_max_pool


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Builds the model that config.model asks for: raw recordings [batch, electrodes, samples] in volts -> logits."""
    signals = keras.Input((len(spec["electrodes"]), spec["samples"]), name="signals")
    frames = topographic_frames(signals, config.features, spec)
    match config.model:
        case CnnLstm():
            return build_cnn_lstm(config.model, signals, frames, len(spec["class_names"]))
        case MaxPool():
            return build_max_pool(config.model, signals, frames, len(spec["class_names"]))
