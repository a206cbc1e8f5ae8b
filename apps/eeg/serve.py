"""The SavedModel of the EEG app, and how a person's recording becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.eeg.config import Config
from apps.eeg.data import Trials
from apps.eeg.data import read as read_source
from apps.eeg.recordings import ARRAYS, LARGEST_VOLTS, RECORDINGS, read_trials
from harness import endpoint_inputs
from harness.app import Endpoint

FILE_TYPES = (*RECORDINGS, *ARRAYS, ".gz")


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns the one endpoint: raw recordings in volts -> class and probabilities."""
    names = tf.constant(spec["class_names"])
    electrodes, samples, rate = len(spec["electrodes"]), spec["samples"], spec["sample_rate"]
    expected = f"expected signals float32 [n, {electrodes}, {samples}]: {electrodes} electrodes x {samples} samples at {rate:g} Hz, in volts"

    def signals(signals: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(model(checked(signals, electrodes, samples, expected), training=False))
        return {"condition": tf.gather(names, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}

    describes = (
        f"signals: raw EEG in volts at {rate:g} Hz, float32 [n, {electrodes}, {samples}], electrodes in the order "
        f"{' '.join(spec['electrodes'])} -> condition string [n], probabilities float32 [n, {len(spec['class_names'])}] "
        f"in the order {', '.join(spec['class_names'])}"
    )
    return [Endpoint("signals", signals, [tf.TensorSpec([None, None, None], tf.float32, name="signals")], describes)]


def checked(signals: tf.Tensor, electrodes: int, samples: int, expected: str) -> tf.Tensor:
    """Returns the signals with their shape set.

    Raises:
        InvalidArgumentError: none, another shape, values that are not finite, or too large to be volts; says what was expected.
    """
    some = tf.debugging.assert_positive(tf.shape(signals)[0], f"{expected}; received none")
    shape = tf.shape(signals)[1:]
    right = tf.debugging.assert_equal(shape, [electrodes, samples], f"{expected}; received another shape")
    finite = tf.debugging.assert_equal(
        tf.reduce_all(tf.math.is_finite(signals)), True, f"{expected}; received values that are not finite"
    )
    largest = tf.reduce_max(tf.abs(tf.where(tf.math.is_finite(signals), signals, 0.0)))
    small = tf.debugging.assert_less_equal(
        largest,
        LARGEST_VOLTS,
        f"{expected}; received values beyond {LARGEST_VOLTS} V, perhaps microvolts: divide by 1e6",
    )
    return tf.reshape(endpoint_inputs.after([some, right, finite, small], signals), [-1, electrodes, samples])


def examples(config: Config, spec: dict[str, Any], split: Trials) -> dict[str, dict[str, Any]]:
    """Returns eight real recordings; of the training data where everybody was trained on."""
    trials = split if len(split) else read_source(config.data, spec).trials
    return {"signals": {"signals": trials.signals[:8]}}


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads a recording into windows of the model's length: at its annotations, or one after the other."""
    needed = [spec["electrodes"][place] for place in spec["scalp"]]
    return {"signals": read_trials(path, spec["electrodes"], needed, spec["sample_rate"], spec["samples"])}


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the class of the mean probabilities over the file's windows, its probability, and every window's class."""
    probabilities = outputs["probabilities"]
    mean = probabilities.mean(axis=0)
    names = spec["class_names"]
    return {
        "condition": names[int(mean.argmax())],
        "probability": round(float(mean.max()), 4),
        "windows": len(probabilities),
        "by_window": ", ".join(names[int(place)] for place in np.argmax(probabilities, axis=1)),
    }
