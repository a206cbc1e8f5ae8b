"""Frames joined with their neighbours, and fewer of them."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class StackFrames(keras.layers.Layer):
    """Joins each frame with those before and after it, and keeps every `stride`-th.

    What would stand before the first or after the last real frame is zero.

    Args:
        before: neighbours on the side of the past.
        after: neighbours on the side of the future.
        stride: of the frames that are kept, the first among them.

    Input shape:
        features [n, frames, features]; lengths int [n].

    Output shape:
        [n, ceil(frames / stride), (before + 1 + after) features], oldest first, zeros in padded frames; and lengths int32 [n] =
        ceil(lengths / stride).

    Source: Sak et al., "Fast and accurate recurrent neural network acoustic models for speech recognition", Interspeech 2015.

    >>> layer = StackFrames(before=1, after=0, stride=2)
    >>> output, lengths = layer(ops.array([[[1.0], [2.0], [3.0], [9.0]]]), ops.array([3]))
    >>> output.numpy()[0].tolist(), lengths.numpy().tolist()
    ([[0.0, 1.0], [2.0, 3.0]], [2])
    """

    def __init__(self, before: int = 0, after: int = 0, stride: int = 1, **kwargs):
        super().__init__(**kwargs)
        if before < 0 or after < 0 or stride < 1:
            raise ValueError(
                f"before {before}, after {after}, stride {stride}: expected 0 or more, 0 or more, 1 or more"
            )
        self.before, self.after, self.stride = before, after, stride

    def call(self, features, lengths):
        features = zero_padded_frames(ops.cast(features, self.compute_dtype), lengths)
        frames = ops.shape(features)[1]
        features = ops.pad(features, ((0, 0), (self.before, self.after), (0, 0)))
        parts = [features[:, k : k + frames : self.stride] for k in range(self.before + 1 + self.after)]
        lengths = (ops.cast(lengths, "int32") + self.stride - 1) // self.stride
        return zero_padded_frames(ops.concatenate(parts, axis=-1), lengths), lengths

    def compute_output_shape(self, features_shape, lengths_shape):
        batch, frames, features = features_shape
        frames = None if frames is None else -(-frames // self.stride)
        return (batch, frames, (self.before + 1 + self.after) * features), tuple(lengths_shape)

    def compute_output_spec(self, features, lengths):
        output, lengths = self.compute_output_shape(features.shape, lengths.shape)
        return keras.KerasTensor(output, self.compute_dtype), keras.KerasTensor(lengths, "int32")

    def get_config(self):
        return {**super().get_config(), "before": self.before, "after": self.after, "stride": self.stride}
