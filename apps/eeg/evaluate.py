"""Predictions of the EEG app and their metrics."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.eeg.config import Config
from apps.eeg.data import Trials, batches
from harness import classification
from harness.app import Metric, Predictions
from harness.statistics import bootstrap, wilson
from shared_layers.scalp.band_power import BandPower


def predict(config: Config, spec: dict[str, Any], model: keras.Model, split: Trials) -> Predictions:
    """Returns labels, probabilities and subjects, and what the scalp maps are drawn from.

    Returns:
        labels int64 [n]; probabilities float32 [n, classes]; subjects str [n]; amplitude float32 [n, frames, scalp electrodes] in
        microvolts; band_power float32 [n, bands, scalp electrodes] in microvolts squared; saliency float32 [n, scalp electrodes].
    """
    logits, saliency = [], []
    for signals, labels in batches(config, spec, split, False):
        with tf.GradientTape() as tape:
            tape.watch(signals)
            scores = model(signals, training=False)
            own = tf.reduce_sum(labels * (scores - tf.reduce_mean(scores, axis=1, keepdims=True)))
        logits.append(scores.numpy())
        gradient = tf.gather(tape.gradient(own, signals), spec["scalp"], axis=1)
        saliency.append(tf.norm(gradient, axis=2).numpy() * spec["scale"])
    amplitude, power = _maps(config, spec, split.signals)
    return {
        "labels": split.labels,
        "probabilities": keras.ops.convert_to_numpy(keras.ops.softmax(np.concatenate(logits))),
        "subjects": split.subjects,
        "amplitude": amplitude,
        "band_power": power,
        "saliency": np.concatenate(saliency),
    }


def _maps(config: Config, spec: dict[str, Any], signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = 1e6 * signals[:, spec["scalp"]]
    kept = (kept - kept.mean(axis=1, keepdims=True)).astype(np.float32)
    parts = np.array_split(kept, config.features.frames, axis=2)
    amplitude = np.stack([part.mean(axis=2) for part in parts], axis=1)
    layer = BandPower(config.features.bands, spec["sample_rate"])
    chunks = np.array_split(kept, max(1, len(kept) // 64))
    power = np.concatenate([np.moveaxis(layer(chunk).numpy().mean(axis=3), 1, 2) for chunk in chunks])
    return amplitude, power


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns a classifier's metrics with intervals over subjects, and the accuracy of every subject.

    `accuracy` counts trials; `accuracy_mean_over_subjects` gives every subject the same weight.
    """
    labels, probabilities, subjects = (predictions[name] for name in ("labels", "probabilities", "subjects"))
    people = sorted(set(subjects.tolist()))
    metrics = classification.metrics(
        labels, probabilities, spec["class_names"], groups=subjects if len(people) > 1 else None
    )
    right = probabilities.argmax(axis=1) == labels
    shares = np.array([right[subjects == name].mean() for name in people])
    if len(people) > 1:
        metrics["accuracy_mean_over_subjects"] = Metric(
            float(shares.mean()), "fraction", len(people), bootstrap(shares)
        )
    for name, share in zip(people, shares, strict=True):
        own = right[subjects == name]
        metrics[f"accuracy_of_{name}"] = Metric(float(share), "fraction", len(own), wilson(int(own.sum()), len(own)))
    return metrics
