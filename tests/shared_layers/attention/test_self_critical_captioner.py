"""A captioner learns what its captions are rewarded for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.attention.attention_decoder import AttentionDecoder
from shared_layers.attention.self_critical_captioner import SelfCriticalCaptioner
from shared_layers.decoding.greedy import GreedySearch, SampleSearch
from shared_layers.decoding.search import repeat_rows, search

WORDS, LONGEST, START, END = 9, 5, 1, 2


def generated(model, features, strategy):
    memory, state = model.decoder.start(features)
    memory = repeat_rows(memory, strategy.width)

    def step(words, state):
        logits, state, _ = model.decoder.step(words, memory, state)
        return tf.nn.log_softmax(logits), state, tf.zeros(tf.shape(words))

    return search(step, repeat_rows(state, strategy.width), strategy, tf.shape(features)[0], LONGEST, START, END).words


GENERATION = {
    "draw": lambda model, features, seed: generated(model, features, SampleSearch(6, seed)),
    "best": lambda model, features: generated(model, features, GreedySearch()),
    "start": START,
}


@pytest.fixture
def captioner():
    keras.utils.set_random_seed(0)
    pictures = keras.Input((2, 2, 3))
    encoder = keras.Model(pictures, keras.layers.Reshape((4, 3))(pictures))
    decoder = AttentionDecoder(WORDS, units=16, embedding_width=8, attention_units=8)
    return SelfCriticalCaptioner(encoder, decoder, name="captioner")


def test_learns_what_is_rewarded_picture_by_picture(captioner):
    """The reward tells the two pictures apart: word 5 for the one, word 6 for the other, and an end right after."""
    features = 3 * np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    wanted = [5, 6]

    def reward(pictures, words):
        right = words[:, 0] == np.take(wanted, pictures)
        return right.astype(np.float32) + (right & (words[:, 1] == END))

    captioner.compile(**GENERATION, reward=reward, optimizer=keras.optimizers.Adam(0.01))
    data = {"features": np.tile(features, (8, 1, 1)), "picture": np.tile([0, 1], 8)}
    first = captioner.evaluate(data, verbose=0, return_dict=True)["reward"]
    history = captioner.fit(data, batch_size=16, epochs=120, verbose=0).history
    last = captioner.evaluate(data, verbose=0, return_dict=True)["reward"]
    assert first < 1.0
    assert last == 2.0
    assert history["reward"][-1] > 1.8


def test_equal_rewards_change_nothing(captioner):
    captioner.compile(
        **GENERATION,
        reward=lambda pictures, words: np.full(len(words), 3, np.float32),
        optimizer=keras.optimizers.SGD(1.0),
    )
    before = [weight.numpy() for weight in captioner.trainable_weights]
    data = {"features": np.ones((4, 4, 3), np.float32), "picture": np.arange(4)}
    captioner.fit(data, batch_size=4, epochs=1, verbose=0)
    for old, weight in zip(before, captioner.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_every_step_draws_anew_and_a_restored_seed_draws_the_same(captioner):
    drawn = []

    def reward(pictures, words):
        drawn.append(words)
        return np.zeros(len(words), np.float32)

    captioner.compile(**GENERATION, reward=reward, optimizer="sgd")
    batch = {"features": tf.ones((3, 4, 3)), "picture": tf.range(3)}
    captioner.train_on_batch(batch)
    seed = captioner.seeds.state.numpy()
    captioner.train_on_batch(batch)
    captioner.seeds.state.assign(seed)
    captioner.train_on_batch(batch)
    assert not np.array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[1], drawn[2])
