"""From the model's logits to text, inside the graph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from apps.speech import text
from apps.speech.config import Config, DecodingConfig
from apps.speech.data import Utterances, batches
from apps.speech.models.attention import spelt
from apps.speech.models.framewise import frame_labels
from apps.speech.models.front_end import SAMPLE_RATE
from shared_layers.attention.speller import Speller
from shared_layers.ctc.decoding import beam_decode, greedy_decode

SIGNATURE = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]
"""Padded waveforms and their lengths."""


class Heard(NamedTuple):
    """The model's answer for a batch, as NumPy arrays."""

    outputs: dict[str, np.ndarray]
    """As `transcribe` returns them."""
    lengths: np.ndarray
    """int32 [n]: samples of each utterance."""
    seconds: float
    """Time spent."""


def listen(config: Config, spec: dict[str, Any], model: Any, split: Utterances) -> Iterator[Heard]:
    """Yields what the model hears in a split, batch by batch, in order."""

    @tf.function(input_signature=SIGNATURE)
    def hear(waveforms: tf.Tensor, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
        return transcribe(model, config.decoding, spec["characters"], waveforms, lengths)

    hear(tf.zeros([1, SAMPLE_RATE]), tf.constant([SAMPLE_RATE]))  # traced outside the measured time
    for x, _ in batches(config, spec, split, False):
        start = time.perf_counter()
        outputs = {name: value.numpy() for name, value in hear(x["waveforms"], x["lengths"]).items()}
        yield Heard(outputs, x["lengths"].numpy(), time.perf_counter() - start)


def best_paths(config: Config, spec: dict[str, Any], model: Any, split: Utterances) -> list[str]:
    """Returns the text of each utterance's best path (of an encoder-decoder: of its greedy search), without a beam search."""

    @tf.function(input_signature=SIGNATURE)
    def hear(waveforms: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        outputs = model({"waveforms": waveforms, "lengths": lengths}, training=False)
        return _written(_best_path(model, config.decoding, outputs), spec["characters"])

    return [
        text.decode()
        for x, _ in batches(config, spec, split, False)
        for text in hear(x["waveforms"], x["lengths"]).numpy()
    ]


def aligned(config: Config, spec: dict[str, Any], model: Any, split: Utterances) -> list[np.ndarray]:
    """Returns the label that each frame of each utterance bears by the model's alignment with its transcript, int32 [frames] each."""
    transcripts, rows = iter(split.texts), []
    for outputs, *_ in listen(config, spec, model, split):
        for values, count in zip(outputs["log_probabilities"], outputs["frames"], strict=True):
            rows.append(frame_labels(values[:count], text.labels(next(transcripts), spec["characters"])))
    return rows


def transcribe(
    model: Any, decoding: DecodingConfig, characters: list[str], waveforms: tf.Tensor, lengths: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns what the model hears in padded waveforms.

    Args:
        waveforms: float32 [n, samples] in [-1, 1]; lengths: int32 [n].

    Returns:
        text string [n] (best path), text_beam string [n] (beam search), log_probability float32 [n] of text_beam in nats,
        log_probabilities float32 [n, frames, characters + 1] with the blank last, frames int32 [n]. Of an encoder-decoder the
        first three are the decoder's (see `spelt`), log_probabilities its encoder's.
    """
    outputs = model({"waveforms": waveforms, "lengths": lengths}, training=False)
    log_probabilities, frames = tf.nn.log_softmax(outputs["logits"]), outputs["frames"]
    if isinstance(model, Speller):
        beam, log_probability = spelt(model, outputs, decoding, decoding.beam_width)
    else:
        beam, log_probability = beam_decode(log_probabilities, frames, decoding.beam_width)
    return {
        "text": _written(_best_path(model, decoding, outputs), characters),
        "text_beam": _written(beam, characters),
        "log_probability": log_probability,
        "log_probabilities": log_probabilities,
        "frames": frames,
    }


def _best_path(model: Any, decoding: DecodingConfig, outputs: dict[str, tf.Tensor]) -> tf.RaggedTensor:
    if isinstance(model, Speller):
        return spelt(model, outputs, decoding, 1)[0]
    return greedy_decode(outputs["logits"], outputs["frames"])


def _written(labels: tf.RaggedTensor, characters: list[str]) -> tf.Tensor:
    """Returns the texts, string [n], as transcripts are: without spaces at an end, or two in a row."""
    texts = tf.strings.reduce_join(tf.gather(tf.constant(characters), labels), axis=-1)
    return tf.strings.strip(tf.strings.regex_replace(texts, " +", " "))
