"""LSTM, GRU and projected LSTM with the faster loop answer and learn as by Keras' loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.recurrent.gru import GRU
from shared_layers.recurrent.lstm import LSTM
from shared_layers.recurrent.projected_lstm import ProjectedLSTM
from shared_layers.recurrent.projected_lstm_cell import ProjectedLSTMCell

FRAMES = 7
PROJECTION = 4


def projected(units, **options):
    return ProjectedLSTM(units, PROJECTION, **options)


def keras_projected(units, **options):
    return keras.layers.RNN(ProjectedLSTMCell(units, PROJECTION), **options)


OF_KERAS = [(keras.layers.LSTM, LSTM), (keras.layers.GRU, GRU)]
KINDS = pytest.mark.parametrize(("theirs", "ours"), [*OF_KERAS, (keras_projected, projected)])


def pair(theirs, ours, **options):
    """Returns the layer with Keras' loop and ours, with the same random weights, bias included."""
    theirs, ours = theirs(5, **options), ours(5, **options)
    generator = np.random.default_rng(0)
    for layer in (theirs, ours):
        layer.build((None, None, 3))
    theirs.set_weights([generator.normal(0, 0.5, w.shape) for w in theirs.weights])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def sequences(seed=1):
    return tf.constant(np.random.default_rng(seed).standard_normal((2, FRAMES, 3)), tf.float32)


def answer_and_gradients(layer, x, states):
    """Returns what the layer answers, and the gradients of a sum that weighs every number of it differently."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            answer = tf.nest.flatten(layer(x, initial_state=states or None, training=True))
            weights = [tf.sin(tf.range(tf.cast(tf.size(a), tf.float32))) for a in answer]
            loss = tf.add_n([tf.reduce_sum(w * tf.reshape(a, [-1])) for w, a in zip(weights, answer, strict=True)])
        return answer, tape.gradient(loss, [x, *states, *layer.trainable_weights])

    return compute(x)


@KINDS
@pytest.mark.parametrize("options", [
    {"return_sequences": True},
    {},
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "go_backwards": True},
])  # fmt: skip
@pytest.mark.parametrize("with_state", [False, True])
def test_answers_and_gradients_are_those_of_keras_loop(theirs, ours, options, with_state, monkeypatch):
    assert_equal(*pair(theirs, ours, **options), with_state, monkeypatch)


@pytest.mark.parametrize(("theirs", "ours"), OF_KERAS)
@pytest.mark.parametrize("with_state", [False, True])
def test_without_bias_too(theirs, ours, with_state, monkeypatch):
    assert_equal(*pair(theirs, ours, return_sequences=True, use_bias=False), with_state, monkeypatch)


def assert_equal(theirs, ours, with_state, monkeypatch):
    widths = tf.nest.flatten(ours.cell.state_size) if with_state else []
    states = [
        tf.constant(np.random.default_rng(n).standard_normal((2, width)), tf.float32) for n, width in enumerate(widths)
    ]
    expected = answer_and_gradients(theirs, sequences(), states)
    monkeypatch.setattr(type(theirs), "inner_loop", lambda *arguments, **named: pytest.fail("Keras' loop ran"))
    found = answer_and_gradients(ours, sequences(), states)
    for theirs_one, ours_one in zip(tf.nest.flatten(expected), tf.nest.flatten(found), strict=True):
        np.testing.assert_allclose(ours_one, theirs_one, rtol=1e-4, atol=1e-5)


@KINDS
def test_a_mask_is_heeded_as_keras_does(theirs, ours):
    theirs, ours = pair(theirs, ours, return_sequences=True)
    mask = tf.constant([[True] * FRAMES, [True] * 3 + [False] * (FRAMES - 3)])
    np.testing.assert_allclose(ours(sequences(), mask=mask), theirs(sequences(), mask=mask), atol=1e-6)


@pytest.mark.parametrize(("theirs", "ours"), OF_KERAS)
def test_other_activations_and_dropout_take_keras_loop(theirs, ours):
    keras.utils.set_random_seed(0)
    dropping = ours(5, dropout=0.5, return_sequences=True)
    assert np.abs(dropping(sequences(), training=True) - dropping(sequences(), training=True)).max() > 1e-3
    theirs, ours = pair(theirs, ours, return_sequences=True, activation="relu")
    np.testing.assert_allclose(ours(sequences()), theirs(sequences()), atol=1e-6)


def test_a_reset_before_the_product_takes_keras_loop():
    theirs, ours = pair(keras.layers.GRU, GRU, return_sequences=True, reset_after=False)
    np.testing.assert_allclose(ours(sequences()), theirs(sequences()), atol=1e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_learns_to_remember_the_first_of_ten_frames(kind):
    x = tf.random.stateless_normal([256, 10, 1], [0, 1])
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 1)), kind(16), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(2e-2), loss="mse")
    model.fit(x, x[:, 0], batch_size=64, epochs=80, verbose=0, shuffle=False)
    assert model.evaluate(x, x[:, 0], verbose=0) < 0.1
