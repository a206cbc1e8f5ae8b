"""Two-dimensional convolution over the real frames of padded spectrograms."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.masking.frame_mask import zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class FrameConvolution(keras.layers.Layer):
    """Convolves over time and frequency so that padding a batch further changes no utterance.

    Keras' "same" padding depends on the parity of the padded length; here half of what the kernel spans, its middle left out,
    stands as zeros before the first frame, and frames beyond an utterance's length read as zeros. With a single bin and a
    kernel of one bin it is a convolution over time alone, all features being channels.

    Args:
        filters: number of output channels.
        kernel_size: odd; frames and bins of the kernel, or (frames, bins).
        strides: (time, frequency).
        activation: of the output, by Keras' name.
        kernel_initializer: by Keras' name.
        dilation: frames from one row of the kernel to the next; more than 1 only without strides.

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
        kernel_size: int | tuple[int, int] = 3,
        strides: tuple[int, int] = (1, 1),
        activation: str = "relu",
        kernel_initializer: str = "he_normal",
        dilation: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if any(side % 2 == 0 for side in self.kernel):
            raise ValueError(f"kernel_size {kernel_size}: expected an odd number, so that a frame has equal sides")
        self.filters, self.strides, self.dilation = filters, tuple(strides), dilation
        self.kernel_size = kernel_size if isinstance(kernel_size, int) else tuple(kernel_size)
        self.activation, self.kernel_initializer = activation, kernel_initializer
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=self.strides,
            padding="valid",
            dilation_rate=(dilation, 1),
            activation=activation,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, pictures_shape, lengths_shape):
        self.convolution.build((pictures_shape[0], None, None, pictures_shape[3]))

    def call(self, pictures, lengths):
        ahead, beside = self.dilation * (self.kernel[0] // 2), self.kernel[1] // 2
        pictures = zero_padded_frames(ops.cast(pictures, self.compute_dtype), lengths)
        pictures = ops.pad(pictures, ((0, 0), (ahead, ahead), (beside, beside), (0, 0)))
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
        names = "filters kernel_size strides activation kernel_initializer dilation".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
