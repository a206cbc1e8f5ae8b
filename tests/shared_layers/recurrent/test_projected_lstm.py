"""The projected LSTM with the faster loop answers and learns as Keras' loop over the cell does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.recurrent.projected_lstm import ProjectedLSTM
from shared_layers.recurrent.projected_lstm_cell import ProjectedLSTMCell

FRAMES = 7


def pair(**options):
    """Returns Keras' loop over the cell and our layer, with the same random weights."""
    theirs, ours = keras.layers.RNN(ProjectedLSTMCell(5, 4), **options), ProjectedLSTM(5, 4, **options)
    generator = np.random.default_rng(0)
    for layer in (theirs, ours):
        layer.build((None, None, 3))
    theirs.set_weights([generator.normal(0, 0.5, w.shape) for w in theirs.weights])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def sequences():
    return tf.constant(np.random.default_rng(1).standard_normal((2, FRAMES, 3)), tf.float32)


def answer_and_gradients(layer, x, states):
    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            answer = tf.nest.flatten(layer(x, initial_state=states or None, training=True))
            weights = [tf.sin(tf.range(tf.cast(tf.size(a), tf.float32))) for a in answer]
            loss = tf.add_n([tf.reduce_sum(w * tf.reshape(a, [-1])) for w, a in zip(weights, answer, strict=True)])
        return answer, tape.gradient(loss, [x, *states, *layer.trainable_weights])

    return compute(x)


@pytest.mark.parametrize("options", [
    {"return_sequences": True},
    {},
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "go_backwards": True},
])  # fmt: skip
@pytest.mark.parametrize("with_state", [False, True])
def test_answers_and_gradients_are_those_of_keras_loop(options, with_state, monkeypatch):
    theirs, ours = pair(**options)
    widths = (4, 5) if with_state else ()
    states = [tf.constant(np.random.default_rng(n).standard_normal((2, n)), tf.float32) for n in widths]
    expected = answer_and_gradients(theirs, sequences(), states)
    monkeypatch.setattr(keras.layers.RNN, "inner_loop", lambda *arguments, **named: pytest.fail("Keras' loop ran"))
    found = answer_and_gradients(ours, sequences(), states)
    for theirs_one, ours_one in zip(tf.nest.flatten(expected), tf.nest.flatten(found), strict=True):
        np.testing.assert_allclose(ours_one, theirs_one, rtol=1e-4, atol=1e-5)


def test_a_mask_is_heeded_as_keras_does():
    theirs, ours = pair(return_sequences=True)
    mask = tf.constant([[True] * FRAMES, [True] * 3 + [False] * (FRAMES - 3)])
    np.testing.assert_allclose(ours(sequences(), mask=mask), theirs(sequences(), mask=mask), atol=1e-6)
