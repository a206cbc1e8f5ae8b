"""How large the weights are, epoch by epoch."""

from __future__ import annotations

import keras
import numpy as np


def weight_norm(model: keras.Model) -> float:
    """Returns the Euclidean norm over all trainable kernels; biases and normalisation parameters are left out."""
    kernels = (keras.ops.convert_to_numpy(v) for v in model.trainable_variables if len(v.shape) > 1)
    return float(np.sqrt(sum(np.square(kernel, dtype=np.float64).sum() for kernel in kernels)))


class WeightNorm(keras.callbacks.Callback):
    """Adds `weight_norm` to what is measured in each epoch, so that history.csv and the report hold it beside the learning rate.

    Before a batch normalisation the size of a kernel changes nothing but the step: the larger the norm, the smaller the
    effective learning rate (van Laarhoven, "L2 regularization versus batch and weight normalization", 2017).
    """

    def on_epoch_end(self, epoch, logs=None):
        logs["weight_norm"] = weight_norm(self.model)
