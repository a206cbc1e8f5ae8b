"""Mean 0 and standard deviation 1 over the real frames of each sequence."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class StandardizeFrames(keras.layers.Layer):
    """Standardises each feature over the real frames of its own sequence (cepstral mean and variance normalisation).

    What stands in padded frames never counts, and they come out as zeros.

    Args:
        epsilon: added to the variance.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, features].

    Source: Viikki and Laurila, Speech Communication 25 (1998) 133-147.

    >>> layer = StandardizeFrames()
    >>> layer(ops.array([[[1.0], [3.0], [99.0]]]), ops.array([2])).numpy().round(2).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, sequences, lengths):
        sequences = ops.cast(sequences, self.compute_dtype)
        count = ops.cast(ops.maximum(lengths, 1), sequences.dtype)[:, None, None]
        sequences = zero_padded_frames(sequences, lengths)
        mean = ops.sum(sequences, axis=1, keepdims=True) / count
        centred = zero_padded_frames(sequences - mean, lengths)
        variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / count
        return centred / ops.sqrt(variance + self.epsilon)

    def compute_output_shape(self, sequences_shape, lengths_shape):
        return sequences_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
