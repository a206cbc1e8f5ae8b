"""Two-dimensional convolution over the real frames of padded spectrograms."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class FrameConvolution(keras.layers.Layer):
    """Convolves over time and frequency so that padding a batch further changes no utterance.

    Keras' "same" padding depends on the parity of the padded length; here (kernel - 1) // 2 zeros stand before the first
    frame, and frames beyond an utterance's length read as zeros.

    Args:
        filters: number of output channels.
        kernel_size: odd; frames and bins of the kernel.
        strides: (time, frequency).
        activation: of the output, by Keras' name.
        kernel_initializer: by Keras' name.

    Input shape:
        pictures [n, frames, bins, channels]; lengths int [n].

    Output shape:
        [n, ceil(frames / time stride), ceil(bins / frequency stride), filters], and lengths int32 [n] = ceil(lengths / time stride).

    >>> layer = FrameConvolution(4, 3, (2, 2))
    >>> output, lengths = layer(ops.ones((1, 7, 8, 1)), ops.array([5]))
    >>> output.shape, lengths.numpy().tolist()
    (TensorShape([1, 4, 4, 4]), [3])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: tuple[int, int] = (1, 1),
        activation: str = "relu",
        kernel_initializer: str = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size}: expected an odd number, so that a frame has equal sides")
        self.filters, self.kernel_size, self.strides = filters, kernel_size, tuple(strides)
        self.activation, self.kernel_initializer = activation, kernel_initializer
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=self.strides,
            padding="valid",
            activation=activation,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, pictures_shape, lengths_shape):
        self.convolution.build((pictures_shape[0], None, None, pictures_shape[3]))

    def call(self, pictures, lengths):
        side = self.kernel_size // 2
        pictures = zero_padded_frames(ops.cast(pictures, self.compute_dtype), lengths)
        pictures = ops.pad(pictures, ((0, 0), (side, side), (side, side), (0, 0)))
        stride = self.strides[0]
        lengths = (ops.cast(lengths, "int32") + stride - 1) // stride
        return zero_padded_frames(self.convolution(pictures), lengths), lengths

    def compute_output_shape(self, pictures_shape, lengths_shape):
        sides = [None if n is None else -(-n // s) for n, s in zip(pictures_shape[1:3], self.strides, strict=True)]
        return (pictures_shape[0], *sides, self.filters), tuple(lengths_shape)

    def compute_output_spec(self, pictures, lengths):
        output, lengths = self.compute_output_shape(pictures.shape, lengths.shape)
        return keras.KerasTensor(output, self.compute_dtype), keras.KerasTensor(lengths, "int32")

    def get_config(self):
        names = "filters kernel_size strides activation kernel_initializer".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
