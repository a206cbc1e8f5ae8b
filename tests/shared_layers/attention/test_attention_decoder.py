import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.attention.attention_decoder import AttentionDecoder

SETTINGS = {"vocabulary_size": 11, "units": 8, "embedding_width": 6, "attention_units": 5}


@pytest.fixture
def decoder():
    keras.utils.set_random_seed(0)
    layer = AttentionDecoder(**SETTINGS)
    layer.build((None, 9, 4))
    return layer


@pytest.fixture
def inputs():
    random = np.random.default_rng(1)
    return random.normal(size=(3, 9, 4)).astype("float32"), random.integers(1, 11, (3, 7)).astype("int32")


def test_word_by_word_gives_the_logits_of_the_whole_caption(decoder, inputs):
    features, words = inputs
    whole = np.array(decoder(features, words))
    memory, state = decoder.start(features)
    for position in range(words.shape[1]):
        logits, state, weights = decoder.step(words[:, position], memory, state)
        np.testing.assert_allclose(logits, whole[:, position], atol=1e-5)
        np.testing.assert_allclose(np.sum(weights, axis=-1), 1, atol=1e-5)


def test_several_captions_of_a_picture_are_the_same_one_by_one(decoder, inputs):
    features, words = inputs
    captions = np.stack([words, words[:, ::-1]], axis=1)
    together = np.array(decoder(features, captions))
    assert together.shape == (3, 2, 7, 11)
    for number in range(2):
        np.testing.assert_allclose(together[:, number], decoder(features, captions[:, number]), atol=1e-6)


def test_later_words_do_not_reach_back(decoder, inputs):
    features, words = inputs
    changed = words.copy()
    changed[:, 4:] = 1 + (changed[:, 4:] % 10)
    before, after = np.array(decoder(features, words)), np.array(decoder(features, changed))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-4


def test_the_picture_matters(decoder, inputs):
    features, words = inputs
    assert np.abs(np.array(decoder(features, words)) - np.array(decoder(-features, words))).max() > 1e-3


def test_gradient_of_the_loss_is_the_finite_difference(inputs):
    keras.utils.set_random_seed(0)
    decoder = AttentionDecoder(**SETTINGS, dtype="float32")
    features, words = inputs
    decoder.build((None, 9, 4))

    def loss():
        return tf.reduce_sum(tf.sin(decoder(features, words)) * 0.1)

    with tf.GradientTape() as tape:
        value = loss()
    variables = decoder.trainable_variables
    gradients = tape.gradient(value, variables)
    random = np.random.default_rng(2)
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        direction = random.normal(size=variable.shape).astype("float32")
        direction /= np.linalg.norm(direction)
        kept, step = variable.numpy(), 1e-2
        ends = []
        for side in (step, -step):
            variable.assign(kept + side * direction)
            ends.append(float(loss()))
        variable.assign(kept)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(np.sum(gradient * direction), abs=5e-3), variable.path


def test_coverage_penalty_by_hand(inputs):
    features, words = inputs
    decoder = AttentionDecoder(**SETTINGS, coverage_penalty=2.0)
    words = words.copy()
    words[0, 4:] = 0
    decoder(features, words, training=True)
    memory, state = decoder.start(features)
    seen = np.zeros((3, 9))
    for position in range(words.shape[1]):
        _, state, weights = decoder.step(words[:, position], memory, state)
        seen += np.array(weights) * (words[:, position] != 0)[:, None]
    expected = 2.0 * np.mean((np.array([4, 7, 7])[:, None] / 9 - seen) ** 2)
    assert float(decoder.losses[0]) == pytest.approx(expected, rel=1e-4)
    decoder(features, words)
    assert not decoder.losses


def test_mixed_precision_keeps_logits_in_single(inputs):
    decoder = AttentionDecoder(**SETTINGS, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(decoder(*inputs).dtype) == "float32"
