"""Weights of networks that were trained on ImageNet, as files."""

from __future__ import annotations

from pathlib import Path

from datasets.errors import DataError
from datasets.fetch import data_folder

PUBLISHED = "imagenet"
"""Stands for the weights that keras.applications publishes."""


def mobilenet_v2_path(weights: str, alpha: float) -> str:
    """Returns where the weights of MobileNetV2 without its top are: a file, or "imagenet" for the download by keras.applications.

    Args:
        weights: "imagenet", or the path of an .h5 file, absolute, relative to here or to the data folder.
        alpha: width multiplier; names the published file that "imagenet" stands for.

    Raises:
        DataError: no such file.
    """
    if weights == PUBLISHED:
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
