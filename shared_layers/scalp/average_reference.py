"""The average reference."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class AverageReference(keras.layers.Layer):
    """Keeps some electrodes and subtracts their mean from every one of them, sample by sample.

    Args:
        electrodes: places of the electrodes to keep, in the order of the output.

    Input shape:
        [batch, electrodes, samples].

    Output shape:
        [batch, kept electrodes, samples].

    Source: Offner, "The EEG as potential mapping: the value of the average monopolar reference", 1950.

    >>> AverageReference([0, 2])(ops.array([[[1.0], [9.0], [3.0]]])).numpy().tolist()
    [[[-1.0], [1.0]]]
    """

    def __init__(self, electrodes: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.electrodes = [int(place) for place in electrodes]

    def call(self, inputs):
        kept = ops.take(inputs, ops.array(self.electrodes, "int32"), axis=1)
        return kept - ops.mean(kept, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.electrodes), *input_shape[2:])

    def get_config(self):
        return {**super().get_config(), "electrodes": self.electrodes}
