"""Classifiers squeezed to fully convolutional form: their answer at every place of a picture of any size."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class DenseOverWindows(keras.layers.Layer):
    """Applies a fully connected layer to every window of a map: the convolution that has the layer's weights.

    Input shape: [batch, height, width, channels].
    Output shape: [batch, height - window height + 1, width - window width + 1, units].

    Args:
        dense: keras.layers.Dense on the flattened window [window height * window width * channels].
        window: height and width.

    Source: Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", 2015, section 3.1.

    >>> DenseOverWindows(keras.layers.Dense(5), (2, 3))(ops.ones((1, 4, 4, 2))).shape
    TensorShape([1, 3, 2, 5])
    """

    def __init__(self, dense: keras.layers.Dense, window: tuple[int, int] = (1, 1), **kwargs):
        super().__init__(**kwargs)
        self.dense, self.window = dense, tuple(window)

    def build(self, input_shape):
        if not self.dense.built:
            height, width = self.window
            self.dense.build((None, height * width * input_shape[-1]))

    def call(self, inputs):
        kernel = ops.reshape(self.dense.kernel, (*self.window, inputs.shape[-1], self.dense.units))
        outputs = ops.conv(inputs, ops.cast(kernel, inputs.dtype), padding="valid", data_format="channels_last")
        if self.dense.use_bias:
            outputs += ops.cast(self.dense.bias, outputs.dtype)
        return self.dense.activation(outputs)

    def get_config(self):
        return {**super().get_config(), "dense": keras.saving.serialize_keras_object(self.dense), "window": self.window}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "dense": keras.saving.deserialize_keras_object(config["dense"])})


def fully_convolutional(model: keras.Model) -> keras.Model:
    """Returns a network for pictures of any size that shares the weights of a classifier for pictures of one size.

    Global pooling becomes pooling over a window of the size it had, moved by one place at a time; fully connected layers become
    convolutions, the first of them over the window that was flattened. On a picture of the classifier's own size the answer is
    the classifier's, at one place.

    Args:
        model: pictures [batch, size, size, channels] -> logits [batch, classes].

    Returns:
        pictures [batch, height, width, channels], each side at least `size` -> logits [batch, rows, columns, classes].

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
                return DenseOverWindows(
                    layer, flattened.pop("window", (1, 1)), name=layer.name, dtype=layer.dtype_policy
                )
        return layer

    inputs = keras.Input((None, None, model.input_shape[-1]), name="pictures")
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=convolutional)


def _window(layer: keras.layers.Layer) -> tuple[int, int]:
    _, height, width, _ = layer.input.shape
    return height, width
