"""The SavedModel of a siamese network, and how a person's files become its input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.digits import serve
from apps.digits.config import Config
from apps.digits.models.siamese import ENCODER
from apps.digits.verification.evaluate import calibration
from datasets.errors import DataError
from harness import endpoint_inputs
from harness.app import Card, Endpoint
from harness.groups import model_in_groups
from harness.labelled_pictures import LabelledPictures


def card(config: Config, spec: dict[str, Any]) -> Card:
    """Returns what the model is for."""
    left_out = ", ".join(config.model.left_out)
    return Card(
        task="Whether two pictures show the same digit; and an embedding of a picture in which equal digits are close.",
        intended_use="Single handwritten digits, scanned or photographed, one a picture, of any class: a few labelled examples "
        "are enough to tell new classes apart.",
        limits=f"Trained without {left_out}, and less sure of classes that it never saw. The probability was fitted on pairs of "
        "which half are the same; where equal pairs are rare it is too high.",
    )


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_pairs and image_pairs (same or different), picture_bytes and images (the embedding)."""
    encoder = model.get_layer(ENCODER)
    intercept, slope = calibration(spec)

    def embed(images: tf.Tensor) -> tf.Tensor:
        return model_in_groups(encoder, images)

    def compare(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
        """Pictures [n, 28, 28] and [n, 28, 28]."""
        distance = tf.norm(embed(first) - embed(second), axis=-1)
        return {"distance": distance, "same_probability": tf.sigmoid(intercept + slope * distance)}

    def alike(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        message = "expected as many second pictures as first"
        return endpoint_inputs.after(
            [tf.debugging.assert_equal(tf.shape(first)[0], tf.shape(second)[0], message)], second
        )

    def picture_pairs(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
        return compare(serve.from_files(first), serve.from_files(alike(first, second)))

    def image_pairs(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
        return compare(serve.from_images(first), serve.from_images(alike(first, second)))

    def embedding(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": embed(images)}

    files = f"{serve.FILES}, one digit each, any size and polarity [n]"
    answer = "distance float32 [n], same_probability float32 [n]"
    return [
        Endpoint(
            "picture_pairs",
            picture_pairs,
            [tf.TensorSpec([None], tf.string, name=name) for name in ("first", "second")],
            f"first, second: {files} -> {answer}",
        ),
        Endpoint(
            "image_pairs",
            image_pairs,
            [tf.TensorSpec([None, None, None], tf.uint8, name=name) for name in ("first", "second")],
            f"first, second: {serve.FORM} -> {answer}",
        ),
        *serve.picture_endpoints(embedding, files, "embedding float32 [n, dimensions]"),
    ]


def examples(config: Config, spec: dict[str, Any], split: LabelledPictures) -> dict[str, dict[str, Any]]:
    """Returns eight real examples for every endpoint."""
    alone = serve.examples(config, spec, split)
    encoded, images = alone["picture_bytes"]["pictures"], alone["images"]["images"]
    return {
        "picture_pairs": {"first": encoded, "second": np.roll(encoded, 1)},
        "image_pairs": {"first": images, "second": np.roll(images, 1, axis=0)},
        **alone,
    }


def questions(config: Config, spec: dict[str, Any], files: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yields the first file beside each of the others.

    Raises:
        DataError: fewer than two files.
    """
    files = iter(files)
    first = next(files, None)
    count = 0
    for count, other in enumerate(files, 1):  # noqa: B007
        yield first, other
    if not count:
        raise DataError(
            f"{first}: one picture alone; a siamese network compares the first file with each of the others"
        )


def read(config: Config, spec: dict[str, Any], first: Path, second: Path) -> dict[str, Any]:
    """Reads two picture files, upright and composed on white, into the first endpoint's input."""
    return {name: serve.read(config, spec, path)["pictures"] for name, path in (("first", first), ("second", second))}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns whether the two pictures show the same digit, how probable that is, and their distance."""
    probability = float(outputs["same_probability"][0])
    return {
        "answer": "same" if probability > 0.5 else "different",
        "same_probability": round(probability, 4),
        "distance": round(float(outputs["distance"][0]), 4),
    }
