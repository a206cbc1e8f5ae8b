"""Bidirectional LSTM over sequences of explicit lengths."""

from __future__ import annotations

import keras

from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.lstm import LSTM


@keras.saving.register_keras_serializable(package="shared_layers")
class BidirectionalLSTM(BidirectionalRecurrent):
    """Runs one LSTM forwards and one backwards from each sequence's own last frame, and joins their outputs.

    Without a mask cuDNN takes it.

    Args:
        units: width of each direction.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, 2 units], zeros in padded frames.

    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997) 1735-1780; Graves and Schmidhuber, Neural Networks 18
    (2005) 602-610.

    >>> layer = BidirectionalLSTM(3)
    >>> layer(keras.ops.ones((2, 5, 4)), keras.ops.array([5, 2])).shape
    TensorShape([2, 5, 6])
    """

    def __init__(self, units: int, dtype=None, **kwargs):
        forwards, backwards = (
            LSTM(units, return_sequences=True, dtype=dtype, name=name) for name in ("forwards", "backwards")
        )
        super().__init__(forwards, backwards, dtype=dtype, **kwargs)
        self.units = units

    def get_config(self):
        return {**keras.layers.Layer.get_config(self), "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
