"""The SavedModel of the digits app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.digits import rejection
from apps.digits.centring import from_bytes
from apps.digits.config import Config
from apps.digits.tuning import Answers, tuned_answers
from datasets.pictures import read_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.labelled_pictures import LabelledPictures


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (any picture of a digit) and images (MNIST's own form)."""
    names = tf.constant(spec["class_names"])
    tuned = tuned_answers(spec) or Answers(temperature=1.0, least_score=float(np.finfo(np.float32).min))

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = model(images, training=False)
        found = rejection.is_digit(images, logits, tuned.least_score)
        digit = tf.where(found, tf.gather(names, tf.argmax(logits, axis=-1)), rejection.NO_DIGIT)
        return {"digit": digit, "probabilities": tf.nn.softmax(logits / tuned.temperature)}

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        images = from_bytes(endpoint_inputs.picture_bytes(pictures))
        return {**answer(images), "centred": tf.cast(tf.round(images), tf.uint8)}

    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        expected = "expected images uint8 [n, 28, 28], bright ink on black"
        return answer(tf.cast(endpoint_inputs.of_shape(images, [28, 28], expected), tf.float32))

    return [
        Endpoint(
            "picture_bytes",
            picture_bytes,
            [tf.TensorSpec([None], tf.string, name="pictures")],
            "pictures: bytes of PNG, JPEG, GIF or BMP files, one digit each, any size and polarity [n] -> digit string [n], maybe "
            f'"{rejection.NO_DIGIT}", '
            "probabilities float32 [n, classes], centred uint8 [n, 28, 28]: the digit as the network saw it",
        ),
        Endpoint(
            "images",
            images,
            [tf.TensorSpec([None, None, None], tf.uint8, name="images")],
            "images: MNIST's form, bright ink on black, 0 to 255 [n, 28, 28] -> digit string [n], maybe "
            f'"{rejection.NO_DIGIT}", probabilities float32 [n, classes]',
        ),
    ]


def examples(config: Config, spec: dict[str, Any], split: LabelledPictures) -> dict[str, dict[str, Any]]:
    """Returns eight real examples for every endpoint."""
    images = split.images[:8]
    encoded = np.array([_png(255 - image) for image in images], object)
    return {"picture_bytes": {"pictures": encoded}, "images": {"images": images}}


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads any picture file, upright and composed on white, into the first endpoint's input."""
    return {"pictures": np.array([_png(read_picture(path, mode="L"))], object)}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the digit, its probability and the runner-up; nothing but "no digit" for a picture without one."""
    digit, probabilities = outputs["digit"][0].decode(), outputs["probabilities"][0]
    if digit == rejection.NO_DIGIT:
        return {"digit": digit, "probability": None, "runner_up": None, "runner_up_probability": None}
    order = np.argsort(probabilities)[::-1]
    names = spec["class_names"]
    return {
        "digit": digit,
        "probability": round(float(probabilities[order[0]]), 4),
        "runner_up": names[order[1]],
        "runner_up_probability": round(float(probabilities[order[1]]), 4),
    }


def _png(grey: np.ndarray) -> bytes:
    return tf.io.encode_png(grey[..., None]).numpy()
