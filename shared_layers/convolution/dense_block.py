"""Dense blocks: every layer sees the outputs of all before it."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.activations.gelu import by_name
from shared_layers.convolution.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="shared_layers")
class NormActConv(keras.layers.Layer):
    """Normalises over the batch, activates, then convolves without bias (pre-activation).

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel in pixels.
        activation: by Keras' name.
        momentum: of the moving statistics.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, height, width, filters].

    Source: He et al., "Identity mappings in deep residual networks", 2016.

    >>> NormActConv(8)(keras.ops.ones((1, 6, 5, 3))).shape
    TensorShape([1, 6, 5, 8])
    """

    def __init__(self, filters: int, kernel_size: int = 3, activation: str = "relu", momentum: float = 0.9, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.activation, self.momentum = filters, kernel_size, activation, momentum
        self.normalization = BatchNormalization(
            momentum=momentum, epsilon=1e-5, synchronized=True, dtype=self.dtype_policy, name="normalization"
        )
        self.activate = by_name(activation)
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape):
        self.normalization.build(input_shape)
        self.convolution.build(input_shape)

    def call(self, inputs, training=None):
        return self.convolution(self.activate(self.normalization(inputs, training=training)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        names = "filters kernel_size activation momentum".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="shared_layers")
class DenseBlock(keras.layers.Layer):
    """Joins its input with the outputs of `layers` convolutions, each of which sees all that was joined before it.

    Args:
        layers: number of 3x3 convolutions.
        growth_rate: channels that each adds.
        bottleneck: put a 1x1 convolution to 4 * growth_rate channels before each (DenseNet-B).
        activation: by Keras' name.
        momentum: of the normalisations' moving statistics.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, height, width, channels + layers * growth_rate].

    Source: Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017, equation 2.

    >>> DenseBlock(3, 4)(keras.ops.ones((1, 6, 5, 3))).shape
    TensorShape([1, 6, 5, 15])
    """

    def __init__(
        self,
        layers: int,
        growth_rate: int,
        bottleneck: bool = False,
        activation: str = "relu",
        momentum: float = 0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.layers, self.growth_rate, self.bottleneck = layers, growth_rate, bottleneck
        self.activation, self.momentum = activation, momentum
        self.steps = [self._step(number) for number in range(1, layers + 1)]

    def _step(self, number: int) -> list[NormActConv]:
        sizes = [(4 * self.growth_rate, 1)] if self.bottleneck else []
        return [
            NormActConv(
                filters,
                kernel_size,
                self.activation,
                self.momentum,
                dtype=self.dtype_policy,
                name=f"layer{number}_{kernel_size}x{kernel_size}",
            )
            for filters, kernel_size in [*sizes, (self.growth_rate, 3)]
        ]

    def build(self, input_shape):
        *sides, channels = input_shape
        for step in self.steps:
            shape = (*sides, channels)
            for layer in step:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
            channels += self.growth_rate

    def call(self, inputs, training=None):
        joined = inputs
        for step in self.steps:
            x = joined
            for layer in step:
                x = layer(x, training=training)
            joined = ops.concatenate([joined, x], axis=-1)
        return joined

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.layers * self.growth_rate)

    def get_config(self):
        names = "layers growth_rate bottleneck activation momentum".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
