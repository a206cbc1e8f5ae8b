"""Convolution, pooling, batch normalisation and activation as one layer."""

from __future__ import annotations

import keras

from shared_layers.activations.gelu import by_name
from shared_layers.convolution.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="shared_layers")
class ConvBatchNorm(keras.layers.Layer):
    """Convolves without bias, pools if asked to, normalises over the batch and activates.

    Under a distribution strategy the normalisation sees the statistics of the whole global batch.

    Args:
        filters: number of output channels.
        kernel_size: side of the kernel in pixels.
        strides: of the convolution, pixels.
        pool_size: side of the max-pooling's patches, which do not overlap, in pixels; 1: none.
        activation: by Keras' name; None: none.
        momentum: of the moving mean and variance used in inference.
        gamma_initializer: of the normalisation's scale, by Keras' name.
        kernel_initializer: of the convolution, by Keras' name or as an object.
        scale: whether the normalisation has a scale beside its shift.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        [batch, ceil(height / strides) // pool_size, ceil(width / strides) // pool_size, filters].

    Source: Ioffe and Szegedy, "Batch normalization", 2015; pooling before the normalisation as in Page, "How to train your
    ResNet", 2018.

    >>> ConvBatchNorm(8, pool_size=2)(keras.ops.ones((1, 32, 32, 3))).shape
    TensorShape([1, 16, 16, 8])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        pool_size: int = 1,
        activation: str | None = "relu",
        momentum: float = 0.9,
        gamma_initializer: str = "ones",
        kernel_initializer: str | dict | keras.initializers.Initializer = "he_normal",
        scale: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.pool_size = filters, kernel_size, strides, pool_size
        self.activation, self.momentum, self.gamma_initializer = activation, momentum, gamma_initializer
        self.kernel_initializer, self.scale = keras.initializers.get(kernel_initializer), scale
        # a 1x1 kernel that moves by several pixels sees only those places: they are taken before it, because the gradient of
        # TensorFlow 2.21's strided 1x1 convolution crashes on a CPU for some sizes (48 x 48 pixels, few channels)
        self.step_before = strides if kernel_size == 1 else 1
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=strides // self.step_before,
            padding="same",
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.normalization = BatchNormalization(
            momentum=momentum,
            epsilon=1e-5,
            scale=scale,
            gamma_initializer=gamma_initializer,
            synchronized=True,
            dtype=self.dtype_policy,
            name="normalization",
        )
        self.activate = by_name(activation)

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.normalization.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        if self.step_before > 1:
            inputs = inputs[:, :: self.step_before, :: self.step_before]
        x = self.convolution(inputs)
        if self.pool_size > 1:
            x = keras.ops.max_pool(x, self.pool_size, strides=self.pool_size, data_format="channels_last")
        return self.activate(self.normalization(x, training=training))

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        sides = [None if side is None else -(-side // self.strides) // self.pool_size for side in sides]
        return (batch, *sides, self.filters)

    def get_config(self):
        names = "filters kernel_size strides pool_size activation momentum gamma_initializer scale".split()
        kernel_initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {**{name: getattr(self, name) for name in names}, "kernel_initializer": kernel_initializer}
        return {**super().get_config(), **own}
