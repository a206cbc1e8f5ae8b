"""An encoder of utterances and a decoder that spells them, trained by CTC and by attention at once."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.ctc.label_error_rate import LabelErrorRate
from shared_layers.ctc.loss import ctc_loss
from shared_layers.losses.replica_share import replica_share


@keras.saving.register_keras_serializable(package="shared_layers")
class Speller(keras.Model):
    """Encoder and spelling decoder; targets are int32 [n, longest], -1 behind each text's last label. Compile it without a loss.

    The loss is ctc_share x CTC + (1 - ctc_share) x cross-entropy of the decoder, given the right labels before, summed over a text.

    Args:
        encoder: keras.Model -> {"logits": [n, frames, classes] (CTC, the blank last), "frames": int [n], "memory": [n, frames,
            channels]}.
        decoder: `SpellingDecoder` of as many classes, whose last one starts and ends a text.
        ctc_share: 0 to 1.

    Output shape:
        what the encoder gives.

    Source: Kim, Hori and Watanabe, "Joint CTC-attention based end-to-end speech recognition using multi-task learning", ICASSP 2017.
    """

    def __init__(self, encoder: keras.Model, decoder: keras.layers.Layer, ctc_share: float = 0.3, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.ctc_share = encoder, decoder, ctc_share
        self.supports_jit = False
        self.label_error_rate = LabelErrorRate()
        self.spelling_error_rate = keras.metrics.Mean(name="spelling_error_rate")
        # Both parts know their shapes: building here lets a saved model load without having seen an input.
        if not decoder.built:
            decoder.build(encoder.output["memory"].shape)
        self.built = True

    def call(self, inputs, training=False):
        return self.encoder(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        before, after, counted = spelling_steps(y, self.decoder.classes - 1)
        logits = self.decoder(y_pred["memory"], y_pred["frames"], before, training=training)
        spelling = tf.nn.sparse_softmax_cross_entropy_with_logits(after, logits) * counted
        wrong = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) != after, tf.float32)
        self.spelling_error_rate.update_state(wrong, sample_weight=counted)
        losses = (1.0 - self.ctc_share) * tf.reduce_sum(spelling, axis=1)
        if self.ctc_share:
            losses += self.ctc_share * ctc_loss(y, y_pred["logits"], y_pred["frames"])
        if sample_weight is not None:
            losses = losses * tf.cast(sample_weight, losses.dtype)
        return tf.add_n([replica_share(tf.reduce_mean(losses)), *self.losses])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.label_error_rate.update_state(y, y_pred["logits"], y_pred["frames"])
        return self.get_metrics_result()

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("encoder", "decoder")}
        return {"name": self.name, "ctc_share": self.ctc_share, **parts}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("encoder", "decoder")
        }
        return cls(**{**config, **parts})


def spelling_steps(labels, edge: int):
    """Returns the label before each step and the one after it, int32 [n, longest + 1], and 1 for each step that counts, float32.

    Args:
        labels: int [n, longest], -1 behind each text's last label.
        edge: the label that starts and ends a text.

    >>> [part.numpy().tolist() for part in spelling_steps(tf.constant([[0, 1], [2, -1]]), 9)]
    [[[9, 0, 1], [9, 2, 9]], [[0, 1, 9], [2, 9, 9]], [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]]
    """
    labels = tf.cast(labels, tf.int32)
    real = labels >= 0
    labels = tf.where(real, labels, edge)
    before = tf.pad(labels, [[0, 0], [1, 0]], constant_values=edge)
    after = tf.pad(labels, [[0, 0], [0, 1]], constant_values=edge)
    return before, after, tf.cast(tf.pad(real, [[0, 0], [1, 0]], constant_values=True), tf.float32)
