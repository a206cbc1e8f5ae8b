"""Depthwise separable convolutions, as in MobileNet and as in Xception."""

from __future__ import annotations

import keras

from shared_layers.activations.gelu import by_name
from shared_layers.convolution.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="shared_layers")
class DepthwiseSeparable(keras.layers.Layer):
    """Convolves every channel by itself, 3x3, then mixes the channels, 1x1, with batch normalisation.

    Args:
        filters: number of output channels.
        strides: of the depthwise convolution, pixels.
        normalize_between: normalise and activate between the two (MobileNet), or leave the pair linear (Xception).
        activation: by Keras' name; None: none.
        momentum: of the normalisations' moving statistics.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, ceil(height / strides), ceil(width / strides), filters].

    Source: Howard et al., "MobileNets", 2017, figure 3; Chollet, "Xception", 2017, section 3.

    >>> DepthwiseSeparable(8, strides=2)(keras.ops.ones((1, 6, 5, 3))).shape
    TensorShape([1, 3, 3, 8])
    """

    def __init__(
        self,
        filters: int,
        strides: int = 1,
        normalize_between: bool = True,
        activation: str | None = "relu",
        momentum: float = 0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.strides, self.normalize_between = filters, strides, normalize_between
        self.activation, self.momentum = activation, momentum
        self.activate = by_name(activation)
        self.depthwise = keras.layers.DepthwiseConv2D(
            3,
            strides=strides,
            padding="same",
            use_bias=False,
            depthwise_initializer="he_normal",
            dtype=self.dtype_policy,
            name="depthwise",
        )
        self.between = self._normalization("between") if normalize_between else None
        self.pointwise = keras.layers.Conv2D(
            filters, 1, use_bias=False, kernel_initializer="he_normal", dtype=self.dtype_policy, name="pointwise"
        )
        self.normalization = self._normalization("normalization")

    def _normalization(self, name: str) -> keras.layers.BatchNormalization:
        return BatchNormalization(
            momentum=self.momentum, epsilon=1e-5, synchronized=True, dtype=self.dtype_policy, name=name
        )

    def build(self, input_shape):
        self.depthwise.build(input_shape)
        shape = (*self.compute_output_shape(input_shape)[:-1], input_shape[-1])
        if self.between is not None:
            self.between.build(shape)
        self.pointwise.build(shape)
        self.normalization.build((*shape[:-1], self.filters))

    def call(self, inputs, training=None):
        x = self.depthwise(inputs)
        if self.between is not None:
            x = self.activate(self.between(x, training=training))
        return self.activate(self.normalization(self.pointwise(x), training=training))

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(None if side is None else -(-side // self.strides) for side in sides), self.filters)

    def get_config(self):
        names = "filters strides normalize_between activation momentum".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
