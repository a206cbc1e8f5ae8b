"""Means over sliding windows."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class WindowMeans(keras.layers.Layer):
    """Averages the last axis over windows of equal length, evenly spread from its beginning to its end.

    Args:
        windows: how many.
        length: samples of a window; windows overlap where windows * length exceeds the samples there are.

    Input shape:
        [..., samples], samples known.

    Output shape:
        [..., windows].

    Source: the windows of Bashivan, Rish, Yeasin and Codella, "Learning representations from EEG with deep recurrent-convolutional
    neural networks", 2016, section 3.1, here free to overlap.

    >>> WindowMeans(2, 3)(ops.array([[0.0, 1.0, 2.0, 3.0]])).numpy().tolist()
    [[1.0, 2.0]]
    """

    def __init__(self, windows: int, length: int, **kwargs):
        super().__init__(**kwargs)
        self.windows, self.length = windows, length

    def starts(self, samples: int) -> np.ndarray:
        """Returns the first sample of each window, int64 [windows].

        Raises:
            ValueError: a window is longer than the recording.
        """
        if not 1 <= self.length <= samples:
            raise ValueError(f"{self.name}: a window of {self.length} samples does not fit into {samples}")
        return np.round(np.linspace(0, samples - self.length, self.windows)).astype(np.int64)

    def call(self, inputs):
        samples = inputs.shape[-1]
        inside = np.arange(samples)[:, None] - self.starts(samples)
        matrix = ((inside >= 0) & (inside < self.length)) / self.length
        return ops.matmul(inputs, ops.convert_to_tensor(matrix, inputs.dtype))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.windows)

    def get_config(self):
        return {**super().get_config(), "windows": self.windows, "length": self.length}
