"""Pictures that may have several labels: a sigmoid for each label instead of one softmax over the classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import expit

from apps.digits import serve
from apps.digits.config import MLP, Config, ConvNet
from apps.digits.data import logits_of
from apps.digits.figures import first_filters
from datasets.errors import DataError
from harness import multilabel
from harness.app import Card, Endpoint, Metric, Predictions, Prepared
from harness.groups import model_in_groups
from harness.labelled_pictures import LabelledPictures
from harness.picture_grid import picture_grid
from harness.sections import Picture

TUNED_FILE = "thresholds.json"
WORST = 24
"""Pictures kept for the report."""


def checked(config: Config, prepared: Prepared) -> Prepared:
    """Refuses settings that have no meaning where a picture may have several labels.

    Raises:
        DataError: weighted classes, or the squared error of a softmax.
    """
    if config.data.class_weight != "none":
        raise DataError(
            f"--data.class-weight {config.data.class_weight}: {config.data.source} has several labels a picture; leave it out"
        )
    if isinstance(config.model, MLP) and config.model.loss != "cross_entropy":
        raise DataError(
            f"--model.loss {config.model.loss}: {config.data.source} has several labels a picture, which train by the binary "
            "cross-entropy; leave it out"
        )
    return prepared


def card(config: Config, spec: dict[str, Any]) -> Card:
    """Returns what the model is for."""
    names = spec["class_names"]
    return Card(
        task=f"Which of {len(names)} labels a picture has: none, one or several ({', '.join(names[:12])}"
        f"{', ...' if len(names) > 12 else ''}).",
        intended_use="Pictures of the kind it was trained on; the ink of each is cropped and centred as a whole.",
        limits="A label is given from a threshold on that was chosen on validation pictures; where labels are rarer or commoner "
        "than there, another may be better.",
    )


def compile_arguments(config: Config) -> dict[str, Any]:
    """Returns the binary cross-entropy of labels and logits [batch, labels], and the share of pictures with all labels right."""
    smoothing = config.model.label_smoothing if isinstance(config.model, ConvNet) else 0.0

    def accuracy(labels: Any, logits: Any) -> Any:
        return ops.all(ops.equal(ops.cast(labels, "bool"), logits > 0), axis=-1)

    metric = keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")
    return {"loss": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing), "metrics": [metric]}


def probabilities(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> np.ndarray:
    """Returns the probability of each label, float32 [n, labels]."""
    return expit(logits_of(config, spec, model, split))


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Chooses, on the validation pictures, the probability from which on each label is given."""
    validation = prepared.splits["validation"] if len(prepared.splits["validation"]) else prepared.splits["train"]
    chosen = multilabel.best_thresholds(validation.labels, probabilities(config, spec, model, validation))
    return {TUNED_FILE: json.dumps(dict(zip(spec["class_names"], chosen.tolist(), strict=True)), indent=1) + "\n"}


def thresholds(spec: dict[str, Any]) -> np.ndarray:
    """Returns the threshold of each label, float64 [labels].

    Raises:
        DataError: the run has not been evaluated on its own data yet.
    """
    text = spec.get("tuned", {}).get(TUNED_FILE)
    if text is None:
        raise DataError("the thresholds of the labels are not chosen yet; evaluate the run on its own data first")
    values = json.loads(text)
    return np.array([values[name] for name in spec["class_names"]])


def predict(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> Predictions:
    """Returns the answers for a split and the 24 pictures the model was most wrong about.

    Returns:
        labels int64 [n, labels]; probabilities float32 [n, labels]; thresholds float64 [labels]; worst int64 [24] and
        worst_images uint8 [24, 28, 28].
    """
    found = probabilities(config, spec, model, split)
    right = np.where(split.labels == 1, found, 1 - found)
    worst = np.argsort(np.log(np.maximum(right, 1e-7)).sum(axis=1))[:WORST]
    return {
        "labels": split.labels,
        "probabilities": found,
        "thresholds": thresholds(spec),
        "worst": worst,
        "worst_images": split.images[worst],
    }


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns subset accuracy, Hamming loss, F1 and average precision; see harness.multilabel."""
    return multilabel.metrics(predictions["labels"], predictions["probabilities"], predictions["thresholds"])


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the report's sections in order."""
    labels, found, names = predictions["labels"], predictions["probabilities"], spec["class_names"]
    sections = [
        multilabel.label_table(labels, found, predictions["thresholds"], names),
        multilabel.precision_recall_picture(labels, found, names),
        most_wrong(predictions, names),
    ]
    return sections if model is None else [*sections, *first_filters(model)]


def most_wrong(predictions: Predictions, names: list[str]) -> Picture:
    """Draws the pictures whose true labels got the least probability."""
    worst = predictions["worst"]
    given = (predictions["probabilities"] >= predictions["thresholds"])[worst]
    true = predictions["labels"][worst] == 1
    titles = [
        f"{_joined(names, answer)}\nis {_joined(names, truth)}" for answer, truth in zip(given, true, strict=True)
    ]
    caption = "The pictures whose true labels together got the least probability: the labels given, and those it has."
    images = 255 - predictions["worst_images"]
    return picture_grid("Most wrong", caption, images, titles, (given == true).all(axis=1))


def _joined(names: list[str], present: np.ndarray) -> str:
    return " ".join(name for name, there in zip(names, present, strict=True) if there) or "none"


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns picture_bytes (any picture) and images (the form that the network sees)."""
    names, least = tf.constant(spec["class_names"]), tf.constant(thresholds(spec), tf.float32)

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.sigmoid(model_in_groups(model, images))
        given = found >= least
        labels = tf.map_fn(
            lambda row: tf.strings.reduce_join(tf.boolean_mask(names, row), separator="|"),
            given,
            fn_output_signature=tf.string,
        )
        return {"labels": labels, "given": given, "probabilities": found}

    about = (
        "labels string [n], those given, with | between them; given bool [n, labels]; probabilities float32 [n, labels]"
    )
    return serve.picture_endpoints(answer, f"{serve.FILES}, any size and polarity [n]", about)


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the labels given, and the probability of every label."""
    names = spec["class_names"]
    return {
        "labels": [name for name, there in zip(names, outputs["given"][0], strict=True) if there],
        "probabilities": {
            name: round(float(value), 4) for name, value in zip(names, outputs["probabilities"][0], strict=True)
        },
    }
