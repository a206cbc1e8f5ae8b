"""The SavedModel of the cifar10 app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.cifar10.config import Config
from apps.cifar10.evaluate import answer as class_probabilities
from apps.cifar10.resizing import from_bytes
from datasets.pictures import read_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.labelled_pictures import LabelledPictures


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (any picture) and images (pictures of the network's own size)."""
    names, size = tf.constant(spec["class_names"]), spec["size"]

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = class_probabilities(config, model, images)
        return {"class": tf.gather(names, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        form = tf.TensorSpec([size, size, 3], tf.uint8)
        encoded = endpoint_inputs.picture_bytes(pictures)
        return answer(tf.map_fn(lambda picture: from_bytes(picture, size), encoded, fn_output_signature=form))

    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        expected = f"expected images uint8 [n, {size}, {size}, 3], red, green, blue"
        return answer(endpoint_inputs.of_shape(images, [size, size, 3], expected))

    answers = "class string [n], probabilities float32 [n, classes]"
    return [
        Endpoint(
            "picture_bytes",
            picture_bytes,
            [tf.TensorSpec([None], tf.string, name="pictures")],
            f"pictures: bytes of PNG, JPEG, GIF or BMP files of any size [n]; the middle square is used -> {answers}",
        ),
        Endpoint(
            "images",
            images,
            [tf.TensorSpec([None, None, None, None], tf.uint8, name="images")],
            f"images: red, green, blue, 0 to 255 [n, {size}, {size}, 3] -> {answers}",
        ),
    ]


def examples(config: Config, spec: dict[str, Any], split: LabelledPictures) -> dict[str, dict[str, Any]]:
    """Returns eight real examples for every endpoint."""
    images = split.images[:8]
    return {
        "picture_bytes": {"pictures": np.array([_png(image) for image in images], object)},
        "images": {"images": images},
    }


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads any picture file, upright and composed on white, into the first endpoint's input."""
    return {"pictures": np.array([_png(read_picture(path, mode="RGB"))], object)}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the class, its probability and the three most probable classes."""
    probabilities, names = outputs["probabilities"][0], spec["class_names"]
    order = np.argsort(probabilities)[::-1][:3]
    return {
        "class": outputs["class"][0].decode(),
        "probability": round(float(probabilities[order[0]]), 4),
        "top_3": ", ".join(f"{names[place]} {probabilities[place]:.1%}" for place in order),
    }


def _png(picture: np.ndarray) -> bytes:
    return tf.io.encode_png(picture).numpy()
