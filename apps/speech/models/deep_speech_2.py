"""P2: convolutions over time or time and frequency, recurrent layers with batch normalisation between them, and CTC.

Amodei et al., "Deep Speech 2: end-to-end speech recognition in English and Mandarin", ICML 2016. The batch normalisation between
recurrent layers stands before a layer as a whole, not on its input product alone; the directions are joined, not added.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from apps.speech.config import DeepSpeech2, FeaturesConfig
from apps.speech.models import front_end
from datasets.errors import DataError
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.ctc.model import CTCModel
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization
from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.gru import GRU
from shared_layers.recurrent.lstm import LSTM
from shared_layers.recurrent.row_convolution import RowConvolution


def stride(model: DeepSpeech2) -> int:
    """Returns the number of feature frames to a logit frame."""
    return math.prod(model.time_strides)


def build(model: DeepSpeech2, features: FeaturesConfig, classes: int) -> CTCModel:
    """Returns {"waveforms": float32 [n, samples], "lengths": int32 [n]} -> {"logits": float32 [n, frames, classes], "frames": int32 [n]}.

    Raises:
        DataError: kernels, strides and filters of different number.
    """
    _check(model)
    inputs, x, count, outputs = front_end.build(features)
    x = front_end.pictures(features, x)
    if model.convolution == "1d":
        x = keras.layers.Reshape((-1, 1, x.shape[2] * x.shape[3]), name="bins_as_channels")(x)
    x, count = _convolved(model, x, count)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="channels_side_by_side")(x)
    for number in range(1, model.layers + 1):
        if number > 1:
            x = FrameBatchNormalization(name=f"recurrent_normalization_{number}")(x, count)
        x = keras.layers.Dropout(model.dropout, name=f"dropout_{number}")(x)
        x = _recurrent(model, f"recurrent_{number}", x, count)
        if model.intermediate_loss and number < model.layers:
            name = f"intermediate_{number}"
            outputs[name] = keras.layers.Dense(classes, dtype="float32", name=name)(x)
    if not model.bidirectional and model.future:
        x = RowConvolution(model.future, name="row_convolution")(x, count)
    x = FrameBatchNormalization(name="connected_normalization")(x, count)
    x = keras.layers.Dropout(model.dropout, name="dropout_connected")(x)
    x = keras.layers.Dense(model.connected, activation="relu", name="connected")(x)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    # the CTC loss and its decoders take float32 only
    outputs |= {"logits": keras.layers.Dense(classes, dtype="float32", name="logits")(x), "frames": count}
    return CTCModel(inputs=inputs, outputs=outputs, name="deep_speech_2")


def _convolved(model: DeepSpeech2, x: Any, count: Any) -> tuple[Any, Any]:
    for number, (filters, frames, bins, step) in enumerate(
        zip(model.filters, model.kernel_frames, model.kernel_bins, model.time_strides, strict=True), start=1
    ):
        kernel, strides = ((frames, 1), (step, 1)) if model.convolution == "1d" else ((frames, bins), (step, 2))
        x, count = FrameConvolution(filters, kernel, strides, "linear", name=f"convolution_{number}")(x, count)
        x = FrameBatchNormalization(name=f"convolution_normalization_{number}")(x, count)
        x = keras.layers.ReLU(max_value=20.0, name=f"convolution_relu_{number}")(x)
    return x, count


def _recurrent(model: DeepSpeech2, name: str, x: Any, count: Any) -> Any:
    kind = {"lstm": LSTM, "gru": GRU}[model.cell]
    if not model.bidirectional:
        return kind(model.units, return_sequences=True, name=name)(x)
    forwards, backwards = (kind(model.units, return_sequences=True, name=way) for way in ("forwards", "backwards"))
    return BidirectionalRecurrent(forwards, backwards, name=name)(x, count)


def _check(model: DeepSpeech2) -> None:
    counts = {"filters": model.filters, "kernel-frames": model.kernel_frames, "time-strides": model.time_strides,
              "kernel-bins": model.kernel_bins}  # fmt: skip
    if len({len(values) for values in counts.values()}) > 1:
        said = ", ".join(f"--model.{name} {' '.join(map(str, values))}" for name, values in counts.items())
        raise DataError(f"{said}: expected as many numbers for each, one a convolution")
    for values in (model.kernel_frames, model.kernel_bins):
        if any(value % 2 == 0 for value in values):
            raise DataError(f"kernels of {' '.join(map(str, values))} frames or bins: expected odd numbers")
