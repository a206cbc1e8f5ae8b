"""MobileNetV2 with weights learnt on ImageNet, for the apps that build on it."""

from __future__ import annotations

import keras

from datasets.errors import DataError


def load_mobilenet_v2(
    picture_size: int, alpha: float, path: str, pictures: keras.KerasTensor | None = None
) -> keras.Model:
    """Returns MobileNetV2 without its top, frozen: pictures [n, size, size, 3] of -1 to 1 -> features [n, rows, columns, channels].

    Args:
        picture_size: height and width in pixels.
        alpha: width multiplier.
        path: an .h5 file, or "imagenet" for the download by keras.applications.
        pictures: what the layers are put on, in a larger model; None: an input of their own.

    Raises:
        DataError: the weights do not fit, or cannot be downloaded; the remedy names the flags --model.encoder-weights and
            --model.encoder-alpha.

    Source: Sandler et al. 2018, MobileNetV2, with the weights of keras.applications.
    """
    try:
        base = keras.applications.MobileNetV2(
            (picture_size, picture_size, 3), alpha, include_top=False, weights=path, input_tensor=pictures
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
    base.trainable = False
    return base


def minus_one_to_one(pictures: keras.KerasTensor) -> keras.KerasTensor:
    """Returns pictures [n, size, size, 3] of 0 to 255 with values from -1 to 1, as `load_mobilenet_v2` takes them."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_minus_one_to_one")(pictures)
