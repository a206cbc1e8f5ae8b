"""The Inception module: convolutions of several sizes side by side."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from shared_layers.convolution.conv_batch_norm import ConvBatchNorm


@keras.saving.register_keras_serializable(package="shared_layers")
class Inception(keras.layers.Layer):
    """Joins a 1x1 convolution, a 1x1 and a 3x3, a 1x1 and a 5x5, and a 3x3 max-pooling with a 1x1, all with batch normalisation.

    Args:
        filters: of the 1x1, the 3x3's reduction, the 3x3, the 5x5's reduction, the 5x5 and the pooling's projection.
        activation: by Keras' name.
        momentum: of the normalisations' moving statistics.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, height, width, sum of the four branches' filters].

    Source: Szegedy et al., "Going deeper with convolutions", 2015, figure 2b; batch normalisation as in Ioffe and Szegedy 2015.

    >>> Inception((4, 2, 8, 1, 2, 2))(keras.ops.ones((1, 6, 5, 3))).shape
    TensorShape([1, 6, 5, 16])
    """

    def __init__(self, filters: Sequence[int], activation: str = "relu", momentum: float = 0.9, **kwargs):
        super().__init__(**kwargs)
        if len(filters) != 6:
            raise ValueError(f"filters: six numbers expected, received {len(filters)}")
        self.filters, self.activation, self.momentum = list(filters), activation, momentum
        one, reduce3, three, reduce5, five, projection = filters
        self.pool = keras.layers.MaxPooling2D(3, strides=1, padding="same", dtype=self.dtype_policy, name="pool")
        self.branches = [
            [self._convolution(one, 1, "one")],
            [self._convolution(reduce3, 1, "reduce3"), self._convolution(three, 3, "three")],
            [self._convolution(reduce5, 1, "reduce5"), self._convolution(five, 5, "five")],
            [self.pool, self._convolution(projection, 1, "projection")],
        ]

    def _convolution(self, filters: int, kernel_size: int, name: str) -> ConvBatchNorm:
        return ConvBatchNorm(
            filters, kernel_size, activation=self.activation, momentum=self.momentum, dtype=self.dtype_policy, name=name
        )

    def build(self, input_shape):
        for branch in self.branches:
            shape = tuple(input_shape)
            for layer in branch:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)

    def call(self, inputs, training=None):
        outputs = []
        for branch in self.branches:
            x = inputs
            for layer in branch:
                x = layer(x) if layer is self.pool else layer(x, training=training)
            outputs.append(x)
        return keras.ops.concatenate(outputs, axis=-1)

    def compute_output_shape(self, input_shape):
        one, _, three, _, five, projection = self.filters
        return (*input_shape[:-1], one + three + five + projection)

    def get_config(self):
        own = {"filters": self.filters, "activation": self.activation, "momentum": self.momentum}
        return {**super().get_config(), **own}
