"""From the model's logits to text, inside the graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from apps.speech.config import DecodingConfig
from shared_layers.ctc.decoding import beam_decode, greedy_decode


def transcribe(
    model: Any, decoding: DecodingConfig, characters: list[str], waveforms: tf.Tensor, lengths: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns what the model hears in padded waveforms.

    Args:
        waveforms: float32 [n, samples] in [-1, 1]; lengths: int32 [n].

    Returns:
        text string [n] (best path), text_beam string [n] (beam search), log_probability float32 [n] of text_beam in nats,
        log_probabilities float32 [n, frames, characters + 1] with the blank last, frames int32 [n].
    """
    outputs = model({"waveforms": waveforms, "lengths": lengths}, training=False)
    log_probabilities, frames = tf.nn.log_softmax(outputs["logits"]), outputs["frames"]
    letters = tf.constant(characters)

    def written(labels: tf.RaggedTensor) -> tf.Tensor:
        return tf.strings.reduce_join(tf.gather(letters, labels), axis=-1)

    beam, log_probability = beam_decode(log_probabilities, frames, decoding.beam_width)
    return {
        "text": written(greedy_decode(log_probabilities, frames)),
        "text_beam": written(beam),
        "log_probability": log_probability,
        "log_probabilities": log_probabilities,
        "frames": frames,
    }
