"""Captions of a split, and their scores."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.captioning import caption_scores
from apps.captioning.config import Config
from apps.captioning.data import CaptionSplit, encoder_inputs, pixels
from apps.captioning.decoding import generate, to_text
from apps.captioning.features import resize
from harness.app import Metric, Predictions, Prepared
from harness.statistics import bootstrap

BATCH = 100
SHOWN = 48
SHOWN_SIZE = 160


def predict(config: Config, spec: dict[str, Any], model: keras.Model, split: CaptionSplit) -> Predictions:
    """Returns captions by beam and greedy search, references, and pixels and attention maps of at most 48 pictures.

    Keys: name, hypothesis, greedy, references (joined by newlines), each str [pictures]; log_probability [pictures];
    shown int64 [shown], shown_pictures uint8 [shown, 160, 160, 3], shown_attention float16 [shown, words, cells].
    """
    answers = _captions(config, spec, model, split)
    references = split.references
    shown = _extremes(caption_scores.cider_d(answers["hypothesis"], references), SHOWN)
    return {
        "name": np.array(split.names()),
        **{name: answers[name] for name in ("hypothesis", "greedy", "log_probability")},
        "references": np.array(["\n".join(group) for group in references]),
        "shown": shown,
        "shown_pictures": np.stack([_small(split.pictures[index]) for index in shown]),
        "shown_attention": answers["attention"][shown].astype(np.float16),
    }


def _captions(config: Config, spec: dict[str, Any], model: keras.Model, split: CaptionSplit) -> dict[str, np.ndarray]:
    @tf.function(input_signature=[tf.TensorSpec([None, *split.input_shape], tf.float32)])
    def both(inputs: tf.Tensor):
        features = inputs if inputs.shape.rank == 3 else model.features(inputs)
        beam = generate(config, model, features, config.decoding.beam_width)
        greedy = generate(config, model, features, 1)
        return (
            to_text(beam.words, spec["vocabulary"]),
            to_text(greedy.words, spec["vocabulary"]),
            beam.log_probability,
            beam.attention,
        )

    parts = []
    for first in range(0, len(split), BATCH):
        indices = np.arange(first, min(first + BATCH, len(split)))
        inputs = encoder_inputs(split, indices).astype(np.float32)
        parts.append([part.numpy() for part in both(tf.constant(inputs))])
    hypothesis, greedy, log_probability, attention = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {
        "hypothesis": np.char.decode(hypothesis.astype(bytes), "utf-8"),
        "greedy": np.char.decode(greedy.astype(bytes), "utf-8"),
        "log_probability": log_probability,
        "attention": attention,
    }


def _extremes(scores: np.ndarray, count: int) -> np.ndarray:
    """Returns the indices of the best and the worst scores, best first."""
    order = np.argsort(-scores, kind="stable")
    if len(order) <= count:
        return order
    return np.concatenate([order[: count // 2], order[len(order) - count // 2 :]])


def _small(picture: Any) -> np.ndarray:
    return np.clip(np.rint(resize(pixels(picture), SHOWN_SIZE).numpy()), 0, 255).astype(np.uint8)


def references_of(predictions: Predictions) -> list[list[str]]:
    """Returns the references of every picture."""
    return [str(joined).split("\n") for joined in predictions["references"]]


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns bleu1..bleu4, rouge_l and cider_d with bootstrap intervals over pictures, and what describes the captions."""
    references = references_of(predictions)
    hypotheses = [str(text) for text in predictions["hypothesis"]]
    count = len(hypotheses)
    metrics = _scores(hypotheses, references, "")
    if "greedy" in predictions:
        greedy = [str(text) for text in predictions["greedy"]]
        metrics |= {
            name: metric
            for name, metric in _scores(greedy, references, "_greedy").items()
            if name in ("bleu1_greedy", "bleu4_greedy", "cider_d_greedy")
        }
    lengths = np.array([len(text.split()) for text in hypotheses], float)
    metrics["words_per_caption"] = Metric(float(lengths.mean()), "words", count, bootstrap(lengths))
    metrics["different_captions"] = Metric(len(set(hypotheses)) / count, "fraction", count)
    return metrics


def _scores(hypotheses: list[str], references: list[list[str]], suffix: str) -> dict[str, Metric]:
    count = len(hypotheses)
    statistics = caption_scores.bleu_statistics(hypotheses, references)
    bleu = caption_scores.bleu(statistics)
    metrics = {}
    for order in range(caption_scores.ORDERS):
        interval = bootstrap(statistics, lambda drawn, order=order: float(caption_scores.bleu(drawn)[order]))
        metrics[f"bleu{order + 1}{suffix}"] = Metric(float(bleu[order]), "fraction", count, interval)
    for name, unit, values in (
        ("rouge_l", "fraction", caption_scores.rouge_l(hypotheses, references)),
        ("cider_d", "0 to 10", caption_scores.cider_d(hypotheses, references)),
    ):
        metrics[f"{name}{suffix}"] = Metric(float(values.mean()), unit, count, bootstrap(values))
    return metrics


def baselines(config: Config, prepared: Prepared) -> dict[str, Predictions]:
    """Returns `nearest_picture`: the first caption of the training picture whose mean features are the most alike."""
    if "train" not in prepared.splits:
        return {}
    train, test = prepared.splits["train"], prepared.splits["test"]
    likeness = _directions(test) @ _directions(train).T
    nearest = likeness.argmax(axis=1)
    hypotheses = np.array([train.references[index][0] for index in nearest])
    return {
        "nearest_picture": {
            "name": np.array(test.names()),
            "hypothesis": hypotheses,
            "references": np.array(["\n".join(group) for group in test.references]),
        }
    }


def _directions(split: CaptionSplit) -> np.ndarray:
    """Mean features (or pixels, coarsely) of every picture as unit vectors [pictures, width]."""
    parts = []
    for first in range(0, len(split), BATCH):
        indices = np.arange(first, min(first + BATCH, len(split)))
        inputs = encoder_inputs(split, indices).astype(np.float32)
        parts.append(inputs.mean(axis=1) if inputs.ndim == 3 else resize(inputs, 8).numpy().reshape(len(inputs), -1))
    vectors = np.concatenate(parts)
    vectors -= vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
