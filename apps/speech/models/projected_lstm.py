"""P3: a deep LSTM with recurrent projections on stacked, subsampled frames, and CTC.

Sak et al., "Long short-term memory recurrent neural network architectures for large scale acoustic modeling", Interspeech 2014;
"Fast and accurate recurrent neural network acoustic models for speech recognition", Interspeech 2015. The frames are stacked and
subsampled by the features' settings.
"""

from __future__ import annotations

from typing import Any

import keras

from apps.speech.config import FeaturesConfig, ProjectedLstm
from apps.speech.models import front_end
from shared_layers.ctc.model import CTCModel
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization
from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.projected_lstm import ProjectedLSTM


def stride(model: ProjectedLstm) -> int:
    """Returns the number of feature frames to a logit frame."""
    return 1


def build(model: ProjectedLstm, features: FeaturesConfig, classes: int) -> CTCModel:
    """Returns {"waveforms": float32 [n, samples], "lengths": int32 [n]} -> {"logits": float32 [n, frames, classes], "frames": int32 [n]}."""
    inputs, x, count, outputs = front_end.build(features)
    for number in range(1, model.layers + 1):
        if number > 1:
            x = FrameBatchNormalization(name=f"normalization_{number}")(x, count)
        x = keras.layers.Dropout(model.dropout, name=f"dropout_{number}")(x)
        x = _layer(model, f"lstm_{number}", x, count)
        if model.intermediate_loss and number < model.layers:
            name = f"intermediate_{number}"
            outputs[name] = keras.layers.Dense(classes, dtype="float32", name=name)(x)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    # the CTC loss and its decoders take float32 only
    outputs |= {"logits": keras.layers.Dense(classes, dtype="float32", name="logits")(x), "frames": count}
    return CTCModel(inputs=inputs, outputs=outputs, name="projected_lstm")


def _layer(model: ProjectedLstm, name: str, x: Any, count: Any) -> Any:
    def one_way(name: str) -> ProjectedLSTM:
        return ProjectedLSTM(model.units, model.projection, return_sequences=True, name=name)

    if not model.bidirectional:
        return one_way(name)(x)
    return BidirectionalRecurrent(one_way("forwards"), one_way("backwards"), name=name)(x, count)
