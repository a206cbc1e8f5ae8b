"""Residual blocks with identity shortcuts, basic and bottleneck."""

from __future__ import annotations

import keras

from shared_layers.activations.gelu import by_name
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm


class _ResidualBlock(keras.layers.Layer):
    """activation(x + residual(x)); a subclass lists the convolutions of the residual in `_convolutions`.

    The last normalisation's scale starts at zero, so that a new block passes its input on unchanged (Goyal et al. 2017).
    """

    def __init__(self, filters: int, activation: str = "relu", momentum: float = 0.9, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.activation, self.momentum = filters, activation, momentum
        self.activate = by_name(activation)
        self.convolutions = self._convolutions()

    def _convolutions(self) -> list[ConvBatchNorm]:
        raise NotImplementedError

    def _convolution(self, filters: int, kernel_size: int, name: str, last: bool = False) -> ConvBatchNorm:
        return ConvBatchNorm(
            filters,
            kernel_size,
            activation=None if last else self.activation,
            momentum=self.momentum,
            gamma_initializer="zeros" if last else "ones",
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, input_shape):
        if input_shape[-1] != self.filters:
            raise ValueError(
                f"{self.name}: an identity shortcut needs {self.filters} input channels, received {input_shape[-1]}; "
                "put a convolution before the block"
            )
        for convolution in self.convolutions:
            convolution.build(input_shape)
            input_shape = convolution.compute_output_shape(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        for convolution in self.convolutions:
            x = convolution(x, training=training)
        return self.activate(inputs + x)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        names = "filters activation momentum".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="shared_layers")
class BasicResidualBlock(_ResidualBlock):
    """Adds two 3x3 convolutions with batch normalisation to its input: activation(x + BN(conv(activation(BN(conv(x)))))).

    Args:
        filters: channels of input and output.
        activation: by Keras' name.
        momentum: of the normalisations' moving statistics.

    Input shape:
        [batch, height, width, filters].

    Output shape:
        The same.

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, figure 2; the zero start of the
    last normalisation's scale from Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1.

    >>> pictures = keras.ops.ones((1, 8, 8, 4))
    >>> bool(keras.ops.all(BasicResidualBlock(4)(pictures) == pictures))
    True
    """

    def _convolutions(self) -> list[ConvBatchNorm]:
        return [self._convolution(self.filters, 3, "first"), self._convolution(self.filters, 3, "second", last=True)]


@keras.saving.register_keras_serializable(package="shared_layers")
class BottleneckResidualBlock(_ResidualBlock):
    """Adds a 1x1, a 3x3 and a 1x1 convolution with batch normalisation to its input; the inner two have filters // 4 channels.

    Args:
        filters: channels of input and output.
        activation: by Keras' name.
        momentum: of the normalisations' moving statistics.

    Input shape:
        [batch, height, width, filters].

    Output shape:
        The same.

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, figure 5 (right); the zero start of
    the last normalisation's scale from Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1.

    >>> BottleneckResidualBlock(16)(keras.ops.ones((1, 8, 8, 16))).shape
    TensorShape([1, 8, 8, 16])
    """

    def _convolutions(self) -> list[ConvBatchNorm]:
        inner = max(1, self.filters // 4)
        return [
            self._convolution(inner, 1, "reduce"),
            self._convolution(inner, 3, "middle"),
            self._convolution(self.filters, 1, "expand", last=True),
        ]
