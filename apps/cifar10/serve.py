"""The SavedModel of the cifar10 app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.cifar10 import heat_map
from apps.cifar10.config import Config
from apps.cifar10.resizing import from_bytes
from apps.cifar10.tuning import tuned_temperature
from apps.cifar10.views import answer as class_probabilities
from datasets.pictures import read_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.groups import in_groups
from harness.labelled_pictures import LabelledPictures
from shared_layers.convolution.fully_convolutional import fully_convolutional


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (any picture), images (pictures of the network's own size) and, of a convolutional network, heat_map."""
    names, size = tf.constant(spec["class_names"]), spec["size"]
    temperature = tuned_temperature(spec) or 1.0

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = in_groups(
            lambda group: class_probabilities(config, model, group, temperature),
            tf.TensorSpec([None, len(names)]),
            images,
        )
        return {"class": tf.gather(names, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        form = tf.TensorSpec([size, size, 3], tf.uint8)
        encoded = endpoint_inputs.picture_bytes(pictures)
        return answer(tf.map_fn(lambda picture: from_bytes(picture, size), encoded, fn_output_signature=form))

    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        expected = f"expected images uint8 [n, {size}, {size}, 3], red, green, blue"
        return answer(endpoint_inputs.of_shape(images, [size, size, 3], expected))

    answers = "class string [n], probabilities float32 [n, classes]"
    found = [
        Endpoint(
            "picture_bytes",
            picture_bytes,
            [tf.TensorSpec([None], tf.string, name="pictures")],
            "pictures: bytes of PNG, JPEG, GIF or BMP files of up to 100 megapixels [n], as stored: neither turned by EXIF nor composed on "
            f"a background where transparent; the middle square is used -> {answers}",
        ),
        Endpoint(
            "images",
            images,
            [tf.TensorSpec([None, None, None, None], tf.uint8, name="images")],
            f"images: red, green, blue, 0 to 255 [n, {size}, {size}, 3] -> {answers}",
        ),
    ]
    return [*found, heat_map_endpoint(spec, model, temperature)] if heat_map.is_convolutional(config) else found


def heat_map_endpoint(spec: dict[str, Any], model: Any, temperature: float) -> Endpoint:
    """Returns the endpoint that says where in a picture of any size it sees which class."""
    names, size = tf.constant(spec["class_names"]), spec["size"]
    maps = fully_convolutional(model)

    expected = (
        f"expected pictures uint8 [n, height, width, 3], {size} pixels or more a side, {heat_map.LARGEST:,} together"
    )

    def classes_of_places(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        pictures = tf.ensure_shape(pictures, [None, None, None, 3])
        count, height, width = (tf.shape(pictures)[axis] for axis in (0, 1, 2))
        checks = [
            tf.debugging.assert_positive(count, expected),
            tf.debugging.assert_greater_equal(tf.minimum(height, width), size, expected),
            tf.debugging.assert_less_equal(tf.size(pictures) // 3, heat_map.LARGEST, expected),
        ]
        probabilities = heat_map.heat_map(maps, endpoint_inputs.after(checks, pictures), temperature)
        return {"class": tf.gather(names, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}

    return Endpoint(
        "heat_map",
        classes_of_places,
        [tf.TensorSpec([None, None, None, None], tf.uint8, name="pictures")],
        f"pictures: red, green, blue, 0 to 255 [n, height, width, 3], {size} pixels or more a side -> class string [n, rows, columns], "
        "probabilities float32 [n, rows, columns, classes] of windows over the picture, each seen in one view",
    )


def examples(config: Config, spec: dict[str, Any], split: LabelledPictures) -> dict[str, dict[str, Any]]:
    """Returns eight real examples for every endpoint."""
    images = split.images[:8]
    found = {
        "picture_bytes": {"pictures": np.array([_png(image) for image in images], object)},
        "images": {"images": images},
    }
    if heat_map.is_convolutional(config):
        found["heat_map"] = {"pictures": np.concatenate([images[:2], images[:2]], axis=2)}
    return found


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
