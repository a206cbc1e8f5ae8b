"""The frozen MobileNetV2 encoder with ImageNet weights."""

from __future__ import annotations

import keras

from datasets.imagenet_weights import mobilenet_v2_path
from harness.mobilenet import load_mobilenet_v2, minus_one_to_one


def build_mobilenet(picture_size: int, alpha: float, weights: str) -> keras.Model:
    """Returns the frozen encoder: pictures [n, size, size, 3] in 0..255 -> features [n, cells, channels].

    Args:
        picture_size: height and width in pixels.
        alpha: width multiplier of MobileNetV2.
        weights: as in `datasets.imagenet_weights.mobilenet_v2_path`.

    Raises:
        DataError: the weights are absent, do not fit, or cannot be downloaded.
    """
    base = load_mobilenet_v2(picture_size, alpha, mobilenet_v2_path(weights, alpha))
    pictures = keras.Input((picture_size, picture_size, 3), name="pictures")
    grid = base(minus_one_to_one(pictures), training=False)
    cells = keras.layers.Reshape((-1, grid.shape[-1]), name="cells")(grid)
    encoder = keras.Model(pictures, cells, name="encoder")
    encoder.trainable = False
    return encoder
