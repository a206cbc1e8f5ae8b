"""A look at a few frames of the future for recurrent networks that only know the past."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class RowConvolution(keras.layers.Layer):
    """Sums each feature over its frame and those that follow, with weights of its own for each feature and distance.

    Frames beyond a sequence's end count as zeros.

    Args:
        future: frames ahead.

    Input shape:
        sequences [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, features], zeros in padded frames.

    Source: Amodei et al., "Deep Speech 2", ICML 2016, section 3.7.

    >>> layer = RowConvolution(1)
    >>> layer(ops.ones((2, 5, 4)), ops.array([5, 2])).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, future: int, **kwargs):
        super().__init__(**kwargs)
        self.future = future

    def build(self, sequences_shape, lengths_shape):
        # starts as the mean over the frames seen
        start = keras.initializers.Constant(1.0 / (self.future + 1))
        self.kernel = self.add_weight(shape=(self.future + 1, sequences_shape[-1]), initializer=start, name="kernel")

    def call(self, sequences, lengths):
        sequences = zero_padded_frames(ops.cast(sequences, self.compute_dtype), lengths)
        frames = ops.shape(sequences)[1]
        ahead = ops.pad(sequences, ((0, 0), (0, self.future), (0, 0)))
        summed = sum(ahead[:, k : k + frames] * self.kernel[k] for k in range(self.future + 1))
        return zero_padded_frames(summed, lengths)

    def compute_output_shape(self, sequences_shape, lengths_shape):
        return sequences_shape

    def get_config(self):
        return {**super().get_config(), "future": self.future}
