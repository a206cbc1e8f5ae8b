"""A new classifier on the features of a network that was trained on other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from apps.cifar10.config import Transfer
from apps.cifar10.models.inputs import classifier
from datasets.errors import DataError
from datasets.imagenet_weights import mobilenet_v2_path
from harness.mobilenet import load_mobilenet_v2, minus_one_to_one
from harness.training import load_model


def build_transfer(model: Transfer, spec: dict[str, Any]) -> keras.Model:
    """Builds a classifier on a trained network's features of pictures [batch, size, size, 3] with values from 0 to 255.

    Output: logits, float32 [batch, classes].

    Raises:
        DataError: no such network, or one for pictures of another size.

    Source: Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", 2014.
    """
    inputs, features = trained_features(model, spec["size"])
    return keras.Model(inputs, classifier(spec, features), name="transfer")


def trained_features(model: Transfer, size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, size, size, 3] of 0 to 255, and the trained network's features [batch, values] of them.

    The pixels are normalised as the network was trained, whatever the new pictures are like.

    Raises:
        DataError: as `build_transfer`.
    """
    if model.network is None:
        return _mobilenet(model, size)
    network = load_model(model_file(Path(model.network)))
    if network.input_shape[1:] != (size, size, 3):
        raise DataError(
            f"--model.network {model.network}: for pictures {list(network.input_shape[1:])}, these are {[size, size, 3]}; "
            f"pass --data.size {network.input_shape[1]}"
        )
    try:
        features = network.get_layer("classifier").input
    except ValueError:
        raise DataError(
            f"--model.network {model.network}: not a network of the cifar10 app (no layer classifier)"
        ) from None
    for layer in keras.Model(network.inputs, features).layers:
        layer.trainable = not model.frozen
    return network.inputs[0], features


def model_file(network: Path) -> Path:
    """Returns the .keras file that a path means: itself, or model.keras in a run's folder.

    Raises:
        DataError: no such file.
    """
    file = network / "model.keras" if network.is_dir() else network
    if not file.is_file():
        raise DataError(
            f"--model.network {network}: no model.keras there; pass the folder of a trained run of this app"
        )
    return file


def _mobilenet(model: Transfer, size: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    side, path = model.encoder_size, mobilenet_v2_path(model.encoder_weights, model.encoder_alpha)
    inputs = keras.Input((size, size, 3), name="images")
    enlarged = keras.layers.Resizing(side, side, interpolation="bicubic", antialias=True, name="resize")(inputs)
    network = load_mobilenet_v2(side, model.encoder_alpha, path, minus_one_to_one(enlarged))
    network.trainable = not model.frozen
    return inputs, keras.layers.GlobalAveragePooling2D(name="pool")(network.output)
