"""Classifiers squeezed to fully convolutional form: a map of the classes over a picture of any size (catalogue row C7)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from apps.cifar10.config import MLP, Config, Transfer

LARGEST = 2_000_000
"""Pixels of all the pictures that maps are made of at once."""


class _ClassifierAsConvolution(keras.layers.Layer):
    """Applies a fully connected layer at every place, as a convolution with its weights."""

    def __init__(self, dense: keras.layers.Dense, window: tuple[int, int], **kwargs):
        super().__init__(dtype=dense.dtype_policy, **kwargs)
        self.dense, self.window = dense, window

    def call(self, inputs):
        kernel = ops.reshape(self.dense.kernel, (*self.window, inputs.shape[-1], self.dense.units))
        outputs = ops.conv(inputs, ops.cast(kernel, inputs.dtype), padding="valid", data_format="channels_last")
        return self.dense.activation(outputs + self.dense.bias if self.dense.use_bias else outputs)


def is_convolutional(config: Config) -> bool:
    """Tells whether the network keeps places apart up to its classifier, and takes pictures of any size."""
    return not isinstance(config.model, MLP | Transfer)


def fully_convolutional(model: keras.Model) -> keras.Model:
    """Returns a network for pictures of any size that shares the weights of a classifier for pictures of one size.

    Global pooling becomes pooling over a window of the size it had, moved by one place at a time; fully connected layers become
    convolutions, the first of them over the window that was flattened. On a picture of the classifier's own size the answer is
    the classifier's, at one place.

    Args:
        model: pictures [batch, size, size, 3] -> logits [batch, classes].

    Returns:
        pictures [batch, height, width, 3], each side at least `size` -> logits [batch, rows, columns, classes].

    Source: Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", 2015, section 3.1; Sermanet
    et al., "OverFeat", 2014.
    """
    flattened: dict[str, tuple[int, int]] = {}

    def convolutional(layer: Any) -> Any:
        match layer:
            case keras.layers.InputLayer():
                return layer
            case keras.layers.GlobalMaxPooling2D():
                return keras.layers.MaxPooling2D(_window(layer), strides=1, name=layer.name)
            case keras.layers.GlobalAveragePooling2D():
                return keras.layers.AveragePooling2D(_window(layer), strides=1, name=layer.name)
            case keras.layers.Flatten():
                flattened["window"] = _window(layer)
                return keras.layers.Identity(name=layer.name)
            case keras.layers.Dense():
                return _ClassifierAsConvolution(layer, flattened.pop("window", (1, 1)), name=layer.name)
        return layer

    inputs = keras.Input((None, None, model.input_shape[-1]), name="pictures")
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=convolutional)


def _window(layer: keras.layers.Layer) -> tuple[int, int]:
    _, height, width, _ = layer.input.shape
    return height, width


def heat_map(maps: keras.Model, pictures: Any) -> Any:
    """Returns class probabilities float32 [n, rows, columns, classes] over pictures uint8 [n, height, width, 3].

    Args:
        maps: of `fully_convolutional`.
    """
    return ops.softmax(maps(ops.cast(pictures, "float32"), training=False), axis=-1)
