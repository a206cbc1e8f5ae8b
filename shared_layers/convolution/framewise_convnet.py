"""One ConvNet for all frames of a sequence of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from shared_layers.convolution.conv_batch_norm import ConvBatchNorm


@keras.saving.register_keras_serializable(package="shared_layers")
class FramewiseConvNet(keras.layers.Layer):
    """Applies the same stack of 3x3 convolutions to every frame and returns its features flat.

    Args:
        filters: output channels of the convolutions, in order; 0 stands for a 2x2 max-pooling after the convolution before it.
        activation: by Keras' name.
        normalization: whether each convolution is followed by batch normalisation.

    Input shape:
        [batch, frames, height, width, channels].

    Output shape:
        [batch, frames, features].

    Source: VGG (Simonyan and Zisserman 2015) with weights shared over the frames as in Bashivan, Rish, Yeasin and Codella,
    "Learning representations from EEG with deep recurrent-convolutional neural networks", 2016, section 3.2.

    >>> FramewiseConvNet([4, 0, 8, 0])(ops.ones((2, 7, 16, 16, 3))).shape
    TensorShape([2, 7, 128])
    """

    def __init__(self, filters: Sequence[int], activation: str = "relu", normalization: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.activation = [int(number) for number in filters], activation
        self.normalization = normalization
        if (
            not self.filters
            or self.filters[0] == 0
            or any(a == b == 0 for a, b in zip(self.filters, self.filters[1:], strict=False))
        ):
            raise ValueError(
                f"filters {self.filters}: expected convolutions, each followed by at most one 0 (a pooling)"
            )
        self.convolutions = [
            layer
            for place, number in enumerate(self.filters)
            if number
            for layer in self._convolution(place, number, self.filters[place + 1 : place + 2] == [0])
        ]

    def _convolution(self, place: int, number: int, pooled: bool) -> list[keras.layers.Layer]:
        name = f"convolution_{place}"
        if self.normalization:
            options = {"pool_size": 2 if pooled else 1, "activation": self.activation}
            return [ConvBatchNorm(number, dtype=self.dtype_policy, name=name, **options)]
        options = {"padding": "same", "activation": self.activation}
        convolution = keras.layers.Conv2D(number, 3, dtype=self.dtype_policy, name=name, **options)
        pooling = keras.layers.MaxPooling2D(2, dtype=self.dtype_policy, name=f"pooling_{place}")
        return [convolution, pooling] if pooled else [convolution]

    def build(self, input_shape):
        shape = (None, *input_shape[2:])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)

    def call(self, inputs, training=None):
        frames = ops.shape(inputs)[1]
        x = ops.reshape(inputs, (-1, *inputs.shape[2:]))
        for convolution in self.convolutions:
            x = convolution(x)  # Keras hands `training` on
        _, height, width, channels = x.shape
        return ops.reshape(x, (-1, frames, height * width * channels))

    def compute_output_shape(self, input_shape):
        shape = (None, *input_shape[2:])
        for convolution in self.convolutions:
            shape = convolution.compute_output_shape(shape)
        return (*input_shape[:2], shape[1] * shape[2] * shape[3])

    def get_config(self):
        own = {"filters": self.filters, "activation": self.activation, "normalization": self.normalization}
        return {**super().get_config(), **own}
