"""P5: an encoder-decoder with Bahdanau attention; the encoder is P1's network and learns by CTC as well.

Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015; Chan et al., "Listen,
attend and spell", ICASSP 2016; Kim, Hori and Watanabe, ICASSP 2017, without whose CTC loss the attention does not find its way on
little speech. The CTC output weighs in the decoding too (Hori, Watanabe and Hershey, ACL 2017): attention alone may lose its place, and
skip or repeat what was said.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from apps.speech.config import AttentionEncoderDecoder, DecodingConfig, FeaturesConfig
from apps.speech.models import blstm
from datasets.errors import DataError
from shared_layers.attention.speller import Speller
from shared_layers.attention.spelling_decoder import SpellingDecoder
from shared_layers.ctc.prefix import advanced, empty_prefix, frozen, prefix_scores
from shared_layers.decoding.beam import BeamSearch
from shared_layers.decoding.greedy import GreedySearch
from shared_layers.decoding.search import repeat_rows, search


def build(model: AttentionEncoderDecoder, features: FeaturesConfig, classes: int) -> Speller:
    """Returns {"waveforms", "lengths"} -> {"logits" and "frames" as of P1, "memory": [n, frames, 2 units]} and a decoder over it.

    Raises:
        DataError: `intermediate_loss`, which P1 alone learns by.
    """
    if model.intermediate_loss:
        raise DataError("--model.intermediate-loss: the encoder-decoder has a loss of its own; leave it out")
    ctc = blstm.build(model, features, classes)
    memory = ctc.get_layer(f"blstm_{model.layers}").output
    encoder = keras.Model(ctc.input, {**ctc.output, "memory": memory}, name="encoder")
    decoder = SpellingDecoder(
        classes,
        units=model.decoder_units,
        embedding_width=model.embedding_width,
        attention_units=model.attention_units,
        dropout=model.dropout,
        name="decoder",
    )
    return Speller(encoder, decoder, model.ctc_share, name="attention")


def spelt(
    model: Speller, outputs: Mapping[str, tf.Tensor], decoding: DecodingConfig, width: int
) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Returns the labels of the best text that the decoder finds, int32 ragged [n, labels], and its log-probability in nats: the mean of
    the decoder's and CTC's, weighted by `ctc_share`.

    No text has more labels than its batch has frames.

    Args:
        outputs: of the encoder.
        width: hypotheses of the beam search, ranked by their log-probability a label; 1: greedy search.
    """
    decoder, edge, share = model.decoder, model.decoder.classes - 1, decoding.ctc_share
    memory, frames = outputs["memory"], outputs["frames"]
    fixed, state = decoder.start(memory, frames)
    fixed, state = repeat_rows((fixed, state), width)
    ctc = repeat_rows(frozen(outputs["logits"], frames), width)

    def step(labels, states):
        state, prefix = states
        logits, state, _ = decoder.step(labels, fixed, state)
        scores = tf.nn.log_softmax(logits)
        if share:
            prefix = advanced(ctc, prefix, labels)
            scores = (1.0 - share) * scores + share * (prefix_scores(ctc, prefix) - prefix.score[:, None])
        return scores, (state, prefix), tf.zeros(tf.shape(labels))

    strategy = BeamSearch(width, length_power=1.0) if width > 1 else GreedySearch()
    longest = tf.shape(memory)[1] + 1
    found = search(step, (state, empty_prefix(ctc)), strategy, tf.shape(memory)[0], longest, edge, edge)
    labels = found.words[:, 0]
    ended = tf.cumsum(tf.cast(labels == edge, tf.int32), axis=1) > 0
    return tf.ragged.boolean_mask(labels, ~ended), found.log_probability[:, 0]
