"""The self-critical phase: what it rewards, and that it learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.captioning import caption_scores
from apps.captioning.config import Config, DataConfig, SelfCriticalConfig
from apps.captioning.self_critical import SelfCriticalCaptioner, cider_reward
from apps.captioning.vocabulary import END, PADDING, SPECIAL
from shared_layers.attention.attention_decoder import AttentionDecoder

VOCABULARY = [*SPECIAL, "a", "dog", "cat", "runs", "sleeps"]
TRAIN = [["a dog runs", "dog runs"], ["a cat sleeps", "a cat"], ["a dog sleeps"]]
VALIDATION = [["a cat runs"]]
CONFIG = Config(data=DataConfig(longest_caption=4), self_critical=SelfCriticalConfig(passes=1, samples=6))


def numbers(*captions):
    rows = [[VOCABULARY.index(word) for word in caption.split()] for caption in captions]
    return np.array([row + [PADDING] * (6 - len(row)) for row in rows], np.int32)


def test_reward_is_cider_d_with_the_end_as_a_word():
    reward = cider_reward(TRAIN, VALIDATION, VOCABULARY)
    drawn = ["a dog <end>", "a cat sleeps <end>", "dog dog dog dog dog"]
    found = reward(np.array([0, 1, 2]), numbers(*drawn))
    ended = [[f"{caption} <end>" for caption in group] for group in TRAIN]
    np.testing.assert_allclose(found, caption_scores.cider_d(drawn, ended), rtol=1e-6)


def test_a_caption_that_ends_is_worth_more_than_one_that_breaks_off():
    reward = cider_reward(TRAIN, VALIDATION, VOCABULARY)
    whole, broken = reward(np.array([3, 3]), numbers("a cat runs <end>", "a cat runs"))
    assert whole > broken > 0


@pytest.fixture
def captioner():
    keras.utils.set_random_seed(0)
    pictures = keras.Input((2, 2, 3))
    encoder = keras.Model(pictures, keras.layers.Reshape((4, 3))(pictures))
    decoder = AttentionDecoder(len(VOCABULARY), units=16, embedding_width=8, attention_units=8)
    return SelfCriticalCaptioner(encoder, decoder, name="captioner")


def test_learns_what_is_rewarded_picture_by_picture(captioner):
    """The reward tells the two pictures apart: `dog` for the one, `cat` for the other, and an end right after."""
    features = 3 * np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    wanted = [VOCABULARY.index("dog"), VOCABULARY.index("cat")]

    def reward(pictures, words):
        right = words[:, 0] == np.take(wanted, pictures)
        return right.astype(np.float32) + (right & (words[:, 1] == END))

    captioner.compile(config=CONFIG, reward=reward, optimizer=keras.optimizers.Adam(0.01))
    data = {"features": np.tile(features, (8, 1, 1)), "picture": np.tile([0, 1], 8)}
    first = captioner.evaluate(data, verbose=0, return_dict=True)["reward"]
    history = captioner.fit(data, batch_size=16, epochs=120, verbose=0).history
    last = captioner.evaluate(data, verbose=0, return_dict=True)["reward"]
    assert first < 1.0
    assert last == 2.0
    assert history["reward"][-1] > 1.8


def test_equal_rewards_change_nothing(captioner):
    captioner.compile(
        config=CONFIG,
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

    captioner.compile(config=CONFIG, reward=reward, optimizer="sgd")
    batch = {"features": tf.ones((3, 4, 3)), "picture": tf.range(3)}
    captioner.train_on_batch(batch)
    seed = captioner.draws.state.numpy()
    captioner.train_on_batch(batch)
    captioner.draws.state.assign(seed)
    captioner.train_on_batch(batch)
    assert not np.array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[1], drawn[2])
