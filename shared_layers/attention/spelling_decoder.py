"""A decoder that spells a text letter by letter, looking at the frames of an utterance anew for every letter."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.attention.bahdanau import BahdanauAttention
from shared_layers.masking.frame_mask import frame_mask


@keras.saving.register_keras_serializable(package="shared_layers")
class SpellingDecoder(keras.layers.Layer):
    """An LSTM over the labels of a text, with additive attention over the real frames of an encoder.

    Each step feeds the label before and what was attended last into the LSTM, attends with its new state, and forms the next label's
    logits from state and attended frames.

    Args:
        classes: labels, the one that starts and ends every text (the last) among them.
        units: width of the LSTM.
        embedding_width: of a label's vector.
        attention_units: hidden width of the additive attention.
        dropout: of the labels' vectors and before the logits, while training.

    Call arguments:
        memory: [batch, frames, channels].
        lengths: int [batch], real frames of each utterance.
        labels: int [batch, steps], the label before each one to be predicted.

    Output shape:
        logits float32 [batch, steps, classes].

    Source: Bahdanau, Cho and Bengio 2015; for speech Chan et al., "Listen, attend and spell", ICASSP 2016, equations 6 to 8.

    >>> decoder = SpellingDecoder(classes=9, units=8, embedding_width=4, attention_units=6)
    >>> decoder(ops.ones((2, 5, 3)), ops.array([5, 2]), ops.array([[8, 1, 2], [8, 1, 8]])).shape
    TensorShape([2, 3, 9])
    """

    def __init__(
        self,
        classes: int,
        units: int = 256,
        embedding_width: int = 64,
        attention_units: int = 128,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.classes, self.units, self.embedding_width = classes, units, embedding_width
        self.attention_units, self.dropout = attention_units, dropout
        policy, layers = self.dtype_policy, keras.layers
        self.embedding = layers.Embedding(classes, embedding_width, name="embedding", dtype=policy)
        self.attention = BahdanauAttention(attention_units, name="attention", dtype=policy)
        self.lstm = layers.LSTMCell(units, name="lstm", dtype=policy)
        self.hidden = layers.Dense(units, activation="tanh", name="hidden", dtype=policy)
        # losses and searches take float32 only
        self.output_layer = layers.Dense(classes, name="logits", dtype="float32")
        self.labels_dropout = layers.Dropout(dropout, name="labels_dropout", dtype=policy)
        self.output_dropout = layers.Dropout(dropout, name="output_dropout", dtype=policy)

    def build(self, memory_shape, lengths_shape=None, labels_shape=None):
        batch, frames, channels = memory_shape
        self.channels = channels
        self.embedding.build((batch, None))
        self.attention.memory_projection.build((batch, frames, channels))
        self.attention.build((batch, self.units))
        self.lstm.build((batch, self.embedding_width + channels))
        self.hidden.build((batch, self.units + channels))
        self.output_layer.build((batch, self.units))

    def start(self, memory, lengths):
        """Returns what decoding begins with.

        Returns:
            fixed (keys [batch, frames, attention_units], values [batch, frames, channels], mask bool [batch, frames]), the same for
            every label, and state (hidden, carry, context), [batch, units], [batch, units] and [batch, channels].
        """
        values = ops.cast(memory, self.compute_dtype)
        batch = ops.shape(values)[0]
        state = tuple(
            ops.zeros((batch, width), dtype=self.compute_dtype) for width in (self.units, self.units, self.channels)
        )
        return (self.attention.keys(values), values, frame_mask(lengths, ops.shape(values)[1])), state

    def step(self, labels, fixed, state):
        """Returns logits [batch, classes], state and attention weights [batch, frames] after the labels int [batch]."""
        state, weights = self._advance(self.embedding(labels), fixed, state)
        return self._logits(state[0], state[2], False), state, weights

    def _advance(self, vectors, fixed, state):
        hidden, carry, context = state
        _, (hidden, carry) = self.lstm(ops.concatenate([vectors, context], axis=-1), [hidden, carry])
        context, weights = self.attention(hidden, *fixed)
        return (hidden, carry, context), weights

    def _logits(self, hidden, context, training):
        x = self.hidden(ops.concatenate([hidden, context], axis=-1))
        return self.output_layer(self.output_dropout(x, training=training))

    def call(self, memory, lengths, labels, training=False):
        fixed, state = self.start(memory, lengths)
        vectors = self.labels_dropout(self.embedding(labels), training=training)

        def body(state, vectors_now):
            state, _ = self._advance(vectors_now, fixed, state)
            return state, state

        _, (hidden, _, context) = ops.scan(body, state, ops.transpose(vectors, (1, 0, 2)))
        hidden, context = (ops.transpose(part, (1, 0, 2)) for part in (hidden, context))
        return self._logits(hidden, context, training)

    def compute_output_shape(self, memory_shape, lengths_shape, labels_shape):
        return (*labels_shape, self.classes)

    def compute_output_spec(self, memory, lengths, labels, training=False):
        return keras.KerasTensor(self.compute_output_shape(memory.shape, lengths.shape, labels.shape), "float32")

    def get_config(self):
        names = "classes units embedding_width attention_units dropout".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
