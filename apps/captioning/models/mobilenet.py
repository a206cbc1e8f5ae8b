"""The frozen MobileNetV2 encoder with ImageNet weights."""

from __future__ import annotations

from pathlib import Path

import keras

from datasets.errors import DataError
from datasets.fetch import data_folder


def weights_path(weights: str, alpha: float) -> str:
    """Returns where the encoder's weights are: a file, or "imagenet" for the download by keras.applications.

    Args:
        weights: "imagenet", or the path of an .h5 file, absolute, relative to here or to the data folder.
        alpha: width multiplier; names the published file that "imagenet" stands for.

    Raises:
        DataError: no such file.
    """
    if weights == "imagenet":
        name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5"
        stored = data_folder() / "imagenet-weights" / name
        return str(stored) if stored.is_file() else weights
    for path in (Path(weights).expanduser(), data_folder() / weights):
        if path.is_file():
            return str(path)
    raise DataError(
        f"{weights}: no such file of encoder weights, neither here nor in {data_folder()}; "
        "pass --model.encoder-weights imagenet (a download) or the path of an .h5 file"
    )


def build_mobilenet(picture_size: int, alpha: float, weights: str) -> keras.Model:
    """Returns the frozen encoder: pictures [n, size, size, 3] in 0..255 -> features [n, cells, channels].

    Args:
        picture_size: height and width in pixels.
        alpha: width multiplier of MobileNetV2.
        weights: as in `weights_path`.

    Raises:
        DataError: the weights are absent, do not fit, or cannot be downloaded.

    Source: Sandler et al. 2018, MobileNetV2, with the weights of keras.applications.
    """
    path = weights_path(weights, alpha)
    try:
        base = keras.applications.MobileNetV2(
            input_shape=(picture_size, picture_size, 3), alpha=alpha, include_top=False, weights=path
        )
    except Exception as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        if path == "imagenet":
            raise DataError(
                f"the ImageNet weights of MobileNetV2 alpha {alpha} could not be downloaded from "
                f"storage.googleapis.com/tensorflow/keras-applications ({cause}); connect, or pass "
                "--model.encoder-weights with the path of an .h5 file"
            ) from error
        raise DataError(
            f"{path}: not the weights of MobileNetV2 alpha {alpha} without top ({cause}); "
            "pass --model.encoder-alpha and --model.encoder-weights that belong together"
        ) from error
    pictures = keras.Input((picture_size, picture_size, 3), name="pictures")
    grid = base(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_minus_one_to_one")(pictures), training=False)
    cells = keras.layers.Reshape((-1, grid.shape[-1]), name="cells")(grid)
    encoder = keras.Model(pictures, cells, name="encoder")
    encoder.trainable = False
    return encoder
