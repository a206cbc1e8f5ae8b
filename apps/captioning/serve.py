"""The SavedModel of the captioning app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.config import Config
from apps.captioning.data import CaptionSplit, pixels
from apps.captioning.decoding import generate, to_text
from apps.captioning.features import resize
from datasets.pictures import read_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.picture_decoding import decode_picture

MOST_MEGAPIXELS = 100


def endpoints(config: Config, spec: dict[str, Any], model: keras.Model) -> list[Endpoint]:
    """Returns picture_bytes: any picture -> captions."""
    size, vocabulary = config.model.picture_size, spec["vocabulary"]

    def decode(picture: tf.Tensor) -> tf.Tensor:
        return resize(decode_picture(picture, MOST_MEGAPIXELS), size)

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = endpoint_inputs.picture_bytes(pictures)
        squeezed = tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32))
        features = model.features(squeezed)
        beam = generate(config, model, features, config.decoding.beam_width)
        greedy = generate(config, model, features, 1)
        return {
            "caption": to_text(beam.words, vocabulary),
            "log_probability": beam.log_probability,
            "greedy_caption": to_text(greedy.words, vocabulary),
            "attention": beam.attention,
        }

    return [
        Endpoint(
            "picture_bytes",
            picture_bytes,
            [tf.TensorSpec([None], tf.string, name="pictures")],
            f"pictures: bytes of PNG, JPEG, GIF or BMP files of up to {MOST_MEGAPIXELS} megapixels [n] -> caption string [n] by "
            f"beam search of width {config.decoding.beam_width}, its log_probability float32 [n] (natural logarithm), "
            "greedy_caption string [n], "
            f"attention float32 [n, {config.data.longest_caption + 1} words, cells] over the cells of the squeezed picture, row by row",
        )
    ]


def examples(config: Config, spec: dict[str, Any], split: CaptionSplit) -> dict[str, dict[str, Any]]:
    """Returns eight real pictures."""
    pictures = np.array([_png(pixels(picture)) for picture in split.pictures[:8]], object)
    return {"picture_bytes": {"pictures": pictures}}


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads any picture file, upright and composed on white, into the endpoint's input.

    Raises:
        DataError: no picture, or a damaged one.
    """
    return {"pictures": np.array([_png(read_picture(path))], object)}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the caption, its log-probability and the greedy caption."""
    return {
        "caption": outputs["caption"][0].decode(),
        "log_probability": round(float(outputs["log_probability"][0]), 3),
        "greedy_caption": outputs["greedy_caption"][0].decode(),
    }


def _png(picture: np.ndarray) -> bytes:
    return tf.io.encode_png(picture).numpy()
