"""The word-by-word decoder of Show, Attend and Tell."""

from __future__ import annotations

import keras
from keras import ops

from shared_layers.attention.bahdanau import BahdanauAttention


@keras.saving.register_keras_serializable(package="shared_layers")
class AttentionDecoder(keras.layers.Layer):
    """An LSTM that looks at the cells of a picture anew for every word.

    Each step attends with the hidden state, gates the attended cells, feeds them with the word before into the LSTM,
    and forms the next word's logits from hidden state, attended cells and word before (deep output layer), through
    the transposed word embedding (tied weights).

    Args:
        vocabulary_size: number of words, special ones included; word 0 is padding.
        units: width of the LSTM and of the projected cells.
        embedding_width: of a word's vector.
        attention_units: hidden width of the additive attention.
        dropout: of the projected cells, the word vectors and the deep output layer, while training.
        coverage_penalty: weight of the doubly stochastic penalty: the attention over a whole caption that a cell
            gets should sum to one (times words / cells).

    Call arguments:
        features: [batch, cells, channels].
        words: int [batch, words], the word before each word to be predicted, 0 where there is none; or
            [batch, captions, words], several captions of each picture.

    Output shape:
        logits float32 [batch, words, vocabulary_size], or [batch, captions, words, vocabulary_size].

    Source: Xu et al. 2015, equations 4 to 14; tied embedding: Press and Wolf 2017; its scale: Vaswani et al. 2017,
    section 3.4.

    >>> import numpy as np
    >>> decoder = AttentionDecoder(vocabulary_size=20, units=8, embedding_width=6, attention_units=4)
    >>> logits = decoder(np.ones((2, 9, 5), "float32"), np.ones((2, 7), "int32"))
    >>> logits.shape
    TensorShape([2, 7, 20])
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 384,
        embedding_width: int = 256,
        attention_units: int = 256,
        dropout: float = 0.0,
        coverage_penalty: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_width = embedding_width
        self.attention_units = attention_units
        self.dropout = dropout
        self.coverage_penalty = coverage_penalty
        policy = self.dtype_policy
        layers = keras.layers
        # Vectors of length about one: right for the output layer; `vectors` enlarges them for the LSTM.
        start = keras.initializers.RandomNormal(stddev=embedding_width**-0.5)
        self.embedding = layers.Embedding(
            vocabulary_size, embedding_width, embeddings_initializer=start, name="embedding", dtype=policy
        )
        self.cells = layers.Dense(units, activation="relu", name="cells", dtype=policy)
        self.attention = BahdanauAttention(attention_units, name="attention", dtype=policy)
        self.first_state = layers.Dense(2 * units, activation="tanh", name="first_state", dtype=policy)
        self.gate = layers.Dense(units, activation="sigmoid", name="gate", dtype=policy)
        self.lstm = layers.LSTMCell(units, name="lstm", dtype=policy)
        self.deep_output = layers.Dense(embedding_width, activation="tanh", name="deep_output", dtype=policy)
        self.cells_dropout = layers.Dropout(dropout, name="cells_dropout", dtype=policy)
        self.words_dropout = layers.Dropout(dropout, name="words_dropout", dtype=policy)
        self.output_dropout = layers.Dropout(dropout, name="output_dropout", dtype=policy)

    def build(self, features_shape, words_shape=None) -> None:
        batch, cells, channels = features_shape
        self.embedding.build((batch, None))
        self.cells.build((batch, cells, channels))
        self.attention.memory_projection.build((batch, cells, self.units))
        self.attention.build((batch, self.units))
        self.first_state.build((batch, self.units))
        self.gate.build((batch, self.units))
        self.lstm.build((batch, self.embedding_width + self.units))
        self.deep_output.build((batch, 2 * self.units + self.embedding_width))
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.vocabulary_size,), initializer="zeros", dtype="float32", autocast=False
        )

    def start(self, features, training: bool = False):
        """Returns what decoding begins with.

        Args:
            features: [batch, cells, channels].

        Returns:
            memory (keys [batch, cells, attention_units], values [batch, cells, units]), the same for every word, and
            state (hidden, carry), each [batch, units].
        """
        values = self.cells_dropout(self.cells(features), training=training)
        hidden, carry = ops.split(self.first_state(ops.mean(values, axis=1)), 2, axis=-1)
        return (self.attention.keys(values), values), (hidden, carry)

    def vectors(self, words):
        """Returns the vectors [..., embedding_width], entries of variance about one, of words int [...]."""
        return self.embedding(words) * self.embedding_width**0.5

    def advance(self, vectors, memory, state):
        """One step of the recurrence.

        Args:
            vectors: [batch, embedding_width] of the word before.
            memory, state: as `start` returns them.

        Returns:
            state, context [batch, units] and attention weights [batch, cells].
        """
        context, weights = self.attention(state[0], *memory)
        context = context * self.gate(state[0])
        _, (hidden, carry) = self.lstm(ops.concatenate([vectors, context], axis=-1), list(state))
        return (hidden, carry), context, weights

    def logits(self, hidden, context, vectors, training: bool = False):
        """Returns the next word's logits, float32 [..., vocabulary_size], of tensors [..., width]."""
        deep = self.deep_output(ops.concatenate([hidden, context, vectors], axis=-1))
        deep = ops.cast(self.output_dropout(deep, training=training), "float32")
        return ops.matmul(deep, ops.transpose(ops.cast(self.embedding.embeddings, "float32"))) + self.output_bias

    def step(self, words, memory, state):
        """Returns logits [batch, vocabulary_size], state and attention weights after the words int [batch]."""
        vectors = self.vectors(words)
        state, context, weights = self.advance(vectors, memory, state)
        return self.logits(state[0], context, vectors), state, weights

    def call(self, features, words, training: bool = False):
        memory, state = self.start(features, training=training)
        if len(words.shape) == 2:
            return self._follow(memory, state, words, training)
        captions, longest = ops.shape(words)[1:]
        memory, state = keras.tree.map_structure(lambda part: ops.repeat(part, captions, axis=0), (memory, state))
        logits = self._follow(memory, state, ops.reshape(words, (-1, longest)), training)
        return ops.reshape(logits, (-1, captions, longest, self.vocabulary_size))

    def _follow(self, memory, state, words, training: bool):
        """Returns the logits [batch, words, vocabulary_size] of one caption a row."""
        vectors = self.words_dropout(self.vectors(words), training=training)

        def body(step, vectors_now):
            state, context, weights = self.advance(vectors_now, memory, step[:2])
            step = (*state, context, weights)
            return step, step

        nothing = (ops.zeros_like(state[0]), ops.zeros_like(memory[0][:, :, 0]))
        # On TensorFlow keras.ops.scan collects only what has the structure of its carry.
        _, steps = ops.scan(body, (*state, *nothing), ops.transpose(vectors, (1, 0, 2)))
        hidden, _, context, weights = (ops.transpose(collected, (1, 0, 2)) for collected in steps)
        if self.coverage_penalty and training:
            self._add_coverage(weights, words)
        return self.logits(hidden, context, vectors, training=training)

    def _add_coverage(self, weights, words) -> None:
        present = ops.cast(ops.expand_dims(words != 0, -1), "float32")
        seen = ops.sum(ops.cast(weights, "float32") * present, axis=1)
        expected = ops.sum(present, axis=1) / ops.shape(weights)[2]
        self.add_loss(self.coverage_penalty * ops.mean(ops.square(expected - seen)))

    def get_config(self) -> dict:
        names = ("vocabulary_size", "units", "embedding_width", "attention_units", "dropout", "coverage_penalty")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
