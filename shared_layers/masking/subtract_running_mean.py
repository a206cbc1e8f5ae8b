"""Mean normalisation that only knows the past."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class SubtractRunningMean(keras.layers.Layer):
    """Subtracts from each frame the mean of its sequence so far, so that what is to come never counts.

    The mean starts as if `prior_frames` frames of zeros stood before the sequence: put a normalisation by the whole training data
    before it.

    Args:
        prior_frames: weight of the zeros, in frames.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, features], zeros in padded frames.

    Source: Viikki, Bye and Laurila, "A recursive feature vector normalization approach for robust speech recognition in noise",
    ICASSP 1998.

    >>> layer = SubtractRunningMean(prior_frames=1)
    >>> layer(ops.array([[[4.0], [2.0], [9.0]]]), ops.array([2])).numpy().ravel().tolist()
    [2.0, 0.0, 0.0]
    """

    def __init__(self, prior_frames: int = 50, **kwargs):
        super().__init__(**kwargs)
        self.prior_frames = prior_frames

    def call(self, sequences, lengths):
        sequences = zero_padded_frames(ops.cast(sequences, self.compute_dtype), lengths)
        total = ops.cumsum(sequences, axis=1)
        return zero_padded_frames(self.normalized(sequences, total, 0), lengths)

    def normalized(self, sequences, total, start):
        """Returns frames [n, frames, features] less their running mean, given the sum up to and with each (as if frames are start, ...)."""
        seen = ops.arange(ops.shape(sequences)[1], dtype="float32") + (start + 1.0 + self.prior_frames)
        return sequences - total / ops.cast(seen, total.dtype)[None, :, None]

    def compute_output_shape(self, sequences_shape, lengths_shape):
        return sequences_shape

    def get_config(self):
        return {**super().get_config(), "prior_frames": self.prior_frames}
