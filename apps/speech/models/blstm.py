"""P1: log-mel features, strided convolutions, a deep bidirectional LSTM, and CTC.

Graves et al., "Connectionist temporal classification", ICML 2006; "Speech recognition with deep recurrent neural networks",
ICASSP 2013.
"""

from __future__ import annotations

import math

import keras

from apps.speech.config import Blstm, FeaturesConfig
from apps.speech.models import front_end
from datasets.errors import DataError
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.ctc.model import CTCModel
from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM


def stride(model: Blstm) -> int:
    """Returns the number of feature frames to a logit frame."""
    return math.prod(time_strides(model))


def time_strides(model: Blstm) -> tuple[int, ...]:
    """Returns the stride over time of each stage of convolutions.

    Raises:
        DataError: not one a stage.
    """
    strides = model.time_strides or (2,) * len(model.filters)
    if len(strides) != len(model.filters) or min(strides) < 1:
        said = " ".join(map(str, strides))
        raise DataError(
            f"--model.time-strides {said}: expected {len(model.filters)} numbers of at least 1, one a stage of --model.filters"
        )
    return strides


def build(model: Blstm, features: FeaturesConfig, classes: int) -> CTCModel:
    """Returns {"waveforms": float32 [n, samples], "lengths": int32 [n]} -> {"logits": float32 [n, frames, classes], "frames": int32 [n]}."""
    inputs, x, count, outputs = front_end.build(features)
    x = front_end.pictures(features, x)
    for stage, (filters, step) in enumerate(zip(model.filters, time_strides(model), strict=True), start=1):
        for number in range(1, model.convolutions + 1):
            strides = (step, 2) if number == model.convolutions else (1, 1)
            x, count = FrameConvolution(filters, 3, strides, name=f"convolution_{stage}_{number}")(x, count)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="channels_side_by_side")(x)
    if model.projection:
        x = keras.layers.Dense(model.projection, name="projection")(x)
    x = keras.layers.LayerNormalization(name="normalization")(x)
    # the CTC loss and its decoders take float32 only
    to_logits = keras.layers.Dense(classes, dtype="float32", name="logits")
    for number in range(1, model.layers + 1):
        x = keras.layers.Dropout(model.dropout, name=f"dropout_{number}")(x)
        x = BidirectionalLSTM(model.units, name=f"blstm_{number}")(x, count)
        if model.intermediate_loss and number < model.layers:
            outputs[f"intermediate_{number}"] = to_logits(x)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    outputs |= {"logits": to_logits(x), "frames": count}
    return CTCModel(inputs=inputs, outputs=outputs, name="blstm")
