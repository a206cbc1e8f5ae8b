"""How features change over time, beside the features."""

from __future__ import annotations

import keras
import scipy.signal
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class Deltas(keras.layers.Layer):
    """Joins to each frame the first (and second) derivative of its features over time.

    The derivative of order k is that of the polynomial of degree k that fits a window of frames best; the first and the last
    real frame are repeated beyond the ends.

    Args:
        orders: 1: first derivatives; 2: first and second.
        width: odd; frames of the window.

    Input shape:
        features [n, frames, features]; lengths int [n].

    Output shape:
        [n, frames, (1 + orders) features]: the features, the first derivatives, the second; zeros in padded frames.

    Source: Furui, IEEE Transactions on Acoustics, Speech, and Signal Processing 34 (1986) 52-59. Equal to
    `librosa.feature.delta(mode="nearest")` on each sequence alone.

    >>> layer = Deltas(orders=1, width=3)
    >>> layer(ops.array([[[0.0], [2.0], [4.0], [9.0]]]), ops.array([3])).numpy()[0].tolist()
    [[0.0, 1.0], [2.0, 2.0], [4.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, orders: int = 2, width: int = 9, **kwargs):
        super().__init__(**kwargs)
        if orders not in (1, 2):
            raise ValueError(f"orders {orders}: expected 1 (first derivatives) or 2 (second ones too)")
        if width % 2 == 0 or width < 3:
            raise ValueError(f"width {width}: expected an odd number of frames, 3 or more")
        self.orders, self.width = orders, width

    def call(self, features, lengths):
        features = ops.cast(features, self.compute_dtype)
        side, frames = self.width // 2, ops.shape(features)[1]
        last = ops.maximum(ops.cast(lengths, "int32") - 1, 0)[:, None]
        places = ops.maximum(ops.minimum(ops.arange(-side, frames + side, dtype="int32")[None, :], last), 0)
        around = ops.take_along_axis(features, places[:, :, None], axis=1)
        parts = [features]
        for order in range(1, self.orders + 1):
            slopes = scipy.signal.savgol_coeffs(self.width, polyorder=order, deriv=order, use="dot")
            parts.append(sum(float(slope) * around[:, k : k + frames] for k, slope in enumerate(slopes)))
        return zero_padded_frames(ops.concatenate(parts, axis=-1), lengths)

    def compute_output_shape(self, features_shape, lengths_shape):
        return (*features_shape[:-1], (1 + self.orders) * features_shape[-1])

    def get_config(self):
        return {**super().get_config(), "orders": self.orders, "width": self.width}
