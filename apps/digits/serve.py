"""The SavedModel of the digits app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.digits import rejection
from apps.digits.centring import from_bytes
from apps.digits.config import Config
from apps.digits.lean import lean
from apps.digits.tuning import Answers, tuned_answers
from datasets.pictures import read_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.groups import model_in_groups
from harness.labelled_pictures import LabelledPictures

FILES = "bytes of PNG, JPEG, GIF or BMP files"
FORM = "MNIST's form, bright ink on black, 0 to 255 [n, 28, 28]"


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (any picture of a digit) and images (MNIST's own form)."""
    names = tf.constant(spec["class_names"])
    tuned = tuned_answers(spec) or Answers(1.0, float(np.finfo(np.float32).min), None)
    answering = rejection.with_features(lean(config.model, model))

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        features, logits = model_in_groups(answering, images)
        found = rejection.scores(images, features, logits, tuned.likeness) >= tuned.least_score
        digit = tf.where(found, tf.gather(names, tf.argmax(logits, axis=-1)), rejection.NO_DIGIT)
        return {"digit": digit, "probabilities": tf.nn.softmax(logits / tuned.temperature)}

    about = f'digit string [n], maybe "{rejection.NO_DIGIT}", probabilities float32 [n, classes]'
    return picture_endpoints(answer, f"{FILES}, one digit each, any size and polarity [n]", about)


def picture_endpoints(answer: Callable[[tf.Tensor], dict[str, tf.Tensor]], files: str, outputs: str) -> list[Endpoint]:
    """Returns picture_bytes (files, which are centred) and images (MNIST's own form).

    Args:
        answer: of pictures float32 [n, 28, 28] in MNIST's form.
        files: what the bytes of picture_bytes are, in words.
        outputs: what `answer` returns, in words.
    """

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        images = from_files(pictures)
        return {**answer(images), "centred": tf.cast(tf.round(images), tf.uint8)}

    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(from_images(images))

    return [
        Endpoint(
            "picture_bytes",
            picture_bytes,
            [tf.TensorSpec([None], tf.string, name="pictures")],
            f"pictures: {files} -> {outputs}, centred uint8 [n, 28, 28]: the picture as the network saw it",
        ),
        Endpoint(
            "images",
            images,
            [tf.TensorSpec([None, None, None], tf.uint8, name="images")],
            f"images: {FORM} -> {outputs}",
        ),
    ]


def from_files(pictures: tf.Tensor) -> tf.Tensor:
    """Returns the pictures of files [n], cropped and centred, in MNIST's form: float32 [n, 28, 28]."""
    return from_bytes(endpoint_inputs.picture_bytes(pictures))


def from_images(images: tf.Tensor) -> tf.Tensor:
    """Returns uint8 [n, 28, 28] as float32; other shapes are refused."""
    expected = "expected images uint8 [n, 28, 28], bright ink on black"
    return tf.cast(endpoint_inputs.of_shape(images, [28, 28], expected), tf.float32)


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
