"""One ConvNet shared by all topographic frames, whose outputs are combined over time in different ways."""

from __future__ import annotations

import keras

from apps.eeg.config import CnnLstm, MaxPool
from shared_layers.convolution.framewise_convnet import FramewiseConvNet

layers = keras.layers


def build_cnn_lstm(model: CnnLstm, signals: keras.KerasTensor, frames: keras.KerasTensor, classes: int) -> keras.Model:
    """Builds the mixed form: an LSTM and a 1-D convolution over the frames' features, side by side, then dense layers.

    It departs from the paper in its size (fewer trials here than there), in the projection of a frame's features, in batch
    normalisation and in dropout on the frames' features.

    Output: logits, float32 [batch, classes].

    Source: Bashivan, Rish, Yeasin and Codella, "Learning representations from EEG with deep recurrent-convolutional neural
    networks", ICLR 2016, section 3.2 and figure 2 (d).
    """
    features = FramewiseConvNet(model.filters, model.activation, model.normalization, name="convnet")(frames)
    if model.projection:
        features = layers.Dense(model.projection, name="projection")(features)
    features = layers.Dropout(model.frame_dropout, name="frame_dropout")(features)
    recurrent = layers.LSTM(model.lstm_units, use_cudnn=False, name="lstm")(features)
    temporal = layers.Conv1D(
        model.temporal_filters, 3, padding="same", activation=model.temporal_activation, name="temporal"
    )(features)
    combined = layers.Concatenate(name="mixed")([recurrent, layers.Flatten(name="flat")(temporal)])
    return _answer(combined, model.dense_units, model.dropout, signals, classes, "cnn_lstm")


def build_max_pool(model: MaxPool, signals: keras.KerasTensor, frames: keras.KerasTensor, classes: int) -> keras.Model:
    """Builds the form with the maximum of every feature over the frames.

    Output: logits, float32 [batch, classes].

    Source: Bashivan et al., ICLR 2016, section 3.2 and figure 2 (a).
    """
    features = FramewiseConvNet(model.filters, name="convnet")(frames)
    combined = layers.GlobalMaxPooling1D(name="maximum")(features)
    return _answer(combined, model.dense_units, model.dropout, signals, classes, "max_pool")


def _answer(
    x: keras.KerasTensor, dense_units: int, dropout: float, signals: keras.KerasTensor, classes: int, name: str
) -> keras.Model:
    x = layers.Dropout(dropout, name="dropout")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation="relu", name="dense")(x)
        x = layers.Dropout(dropout, name="dense_dropout")(x)
    return keras.Model(signals, layers.Dense(classes, dtype="float32", name="logits")(x), name=name)
