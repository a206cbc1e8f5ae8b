"""The SavedModel of the denoising app, and how a person's picture becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.denoising import data
from apps.denoising.config import Config
from apps.denoising.tiles import clean_picture
from harness import endpoint_inputs
from harness.app import Endpoint
from harness.picture_decoding import decode_picture
from harness.runs import write

MOST_MEGAPIXELS = 50
EXAMPLES = 4
LARGEST_PIXEL = 16.0
"""No noise of use takes a pixel of 0..1 further; one of 0..255 is meant."""


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (files in, PNG files out) and pixels (arrays of one size)."""
    channels = spec["channels"]
    kind = "grey" if channels == 1 else "colour"

    def clean_bytes(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        noisy = tf.cast(decode(encoded, channels), tf.float32) / 255.0
        cleaned = clean_picture(model, noisy)
        removed = 255.0 * tf.sqrt(tf.reduce_mean(tf.square(noisy - cleaned)))
        return tf.io.encode_png(tf.cast(tf.round(255.0 * cleaned), tf.uint8)), removed

    def picture_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = (tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.float32))
        encoded = endpoint_inputs.picture_bytes(pictures)
        cleaned, removed = tf.map_fn(clean_bytes, encoded, fn_output_signature=outputs, parallel_iterations=1)
        return {"cleaned": cleaned, "removed": removed}

    def pixels(noisy: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"cleaned": tf.clip_by_value(model(_checked(noisy, channels), training=False), 0.0, 1.0)}

    return [
        Endpoint(
            "picture_bytes",
            tf.function(picture_bytes),
            [tf.TensorSpec([None], tf.string, name="pictures")],
            f"pictures: bytes of PNG, JPEG, GIF or BMP files of up to {MOST_MEGAPIXELS} megapixels [n], made "
            f"{kind} -> cleaned: bytes of PNG files of the same size [n], removed float32 [n]: root mean square of what was "
            "taken away, in units of 1/255",
        ),
        Endpoint(
            "pixels",
            pixels,
            [tf.TensorSpec([None, None, None, None], tf.float32, name="noisy")],
            f"noisy: {kind} pictures of one size, 0..1 [n, height, width, {channels}] -> cleaned float32, same shape, 0..1",
        ),
    ]


def _checked(noisy: tf.Tensor, channels: int) -> tf.Tensor:
    """Returns the pictures.

    Raises:
        InvalidArgumentError: none, other channels, or values that cannot be pixels of 0..1 with noise.
    """
    expected = f"expected noisy float32 [n, height, width, {channels}], around 0..1"
    noisy = endpoint_inputs.of_shape(noisy, [None, None, channels], expected)
    # also false for NaN
    near = tf.debugging.Assert(
        tf.reduce_all(tf.abs(noisy) <= LARGEST_PIXEL), [f"{expected}, received others; divide 8-bit ones by 255"]
    )
    return endpoint_inputs.after([near], noisy)


def decode(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Returns uint8 [height, width, channels] for the bytes of one PNG, JPEG, GIF or BMP file.

    Raises:
        InvalidArgumentError: the bytes are no such picture, or it is too large.
    """
    picture = decode_picture(encoded, MOST_MEGAPIXELS)
    return tf.image.rgb_to_grayscale(picture) if channels == 1 else picture


def examples(config: Config, spec: dict[str, Any], split: data.Stack | data.Files) -> dict[str, dict[str, Any]]:
    """Returns real noisy examples for every endpoint."""
    fixed = data.fixed_pictures(split, config.data.seed)
    noisy = fixed.noisy(spec["sigma"])[:EXAMPLES]
    encoded = np.array([_png(np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)) for x in noisy], object)
    return {"picture_bytes": {"pictures": encoded}, "pixels": {"noisy": noisy}}


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads any picture file, upright and composed on white, into the first endpoint's input."""
    return {"pictures": np.array([_png(data.read(path, spec["channels"] == 1))], object)}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Writes the cleaned picture below the output folder, at the same path as the file; returns path, size and noise."""
    parts = [part for part in path.parts if part not in (path.anchor, "..")]
    target = output.joinpath(*parts)
    if target.suffix.lower() != ".png":
        target = target.with_name(f"{target.name}.png")
    cleaned = outputs["cleaned"][0]
    write(target, lambda temporary: temporary.write_bytes(cleaned))
    height, width = tf.io.decode_png(cleaned).shape[:2]
    return {
        "cleaned": str(target),
        "width": width,
        "height": height,
        "noise_removed": round(float(outputs["removed"][0]), 2),
    }


def _png(picture: np.ndarray) -> bytes:
    return tf.io.encode_png(picture).numpy()
