"""A small encoder that is trained together with the decoder."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from shared_layers.convolution.batch_normalization import BatchNormalization


def build_convnet(picture_size: int, widths: Sequence[int]) -> keras.Model:
    """Returns an encoder: pictures [n, size, size, 3] in 0..255 -> features [n, cells, channels].

    Args:
        picture_size: height and width in pixels.
        widths: channels of the convolutions; each has stride 2 and is followed by normalisation.
    """
    layers = keras.layers
    pictures = keras.Input((picture_size, picture_size, 3), name="pictures")
    grid = layers.Rescaling(1 / 127.5, offset=-1.0, name="to_minus_one_to_one")(pictures)
    for number, width in enumerate(widths, 1):
        grid = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False, name=f"convolution_{number}")(grid)
        grid = BatchNormalization(momentum=0.9, synchronized=True, name=f"normalization_{number}")(grid)
        grid = layers.ReLU(name=f"activation_{number}")(grid)
    cells = layers.Reshape((-1, grid.shape[-1]), name="cells")(grid)
    # A bias for every cell and channel lets the decoder tell left from right.
    mixing = layers.EinsumDense("nkc,cd->nkd", cells.shape[1:], bias_axes="kd", activation="relu", name="places")
    cells = mixing(cells)
    return keras.Model(pictures, cells, name="encoder")
