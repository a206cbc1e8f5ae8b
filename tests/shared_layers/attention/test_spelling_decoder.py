"""SpellingDecoder step by step, its independence from padding, and Speller's loss by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.attention.speller import Speller
from shared_layers.attention.spelling_decoder import SpellingDecoder

LENGTHS = np.array([6, 4], np.int32)
LABELS = np.array([[4, 1, 2], [4, 0, 4]], np.int32)


@pytest.fixture(scope="module")
def decoder():
    keras.utils.set_random_seed(0)
    decoder = SpellingDecoder(5, units=6, embedding_width=3, attention_units=4)
    decoder.build((None, None, 3))
    generator = np.random.default_rng(1)
    decoder.set_weights([0.8 * generator.standard_normal(w.shape) for w in decoder.get_weights()])
    return decoder


def memory(frames=6):
    return np.random.default_rng(0).standard_normal((2, frames, 3)).astype(np.float32)


def test_one_call_equals_step_by_step(decoder):
    together = np.array(decoder(memory(), LENGTHS, LABELS))
    fixed, state = decoder.start(memory(), LENGTHS)
    for place in range(3):
        logits, state, weights = decoder.step(LABELS[:, place], fixed, state)
        np.testing.assert_allclose(logits, together[:, place], atol=1e-5)
        np.testing.assert_allclose(np.array(weights).sum(1), 1, atol=1e-5)
        assert not np.array(weights)[1, 4:].any()


def test_padding_and_neighbours_change_nothing(decoder):
    together = np.array(decoder(memory(), LENGTHS, LABELS))
    further = np.concatenate([memory(), np.full((2, 5, 3), 9.0, np.float32)], axis=1)
    further[1, 4:] = -7.0
    np.testing.assert_allclose(decoder(further, LENGTHS, LABELS), together, atol=1e-5)
    np.testing.assert_allclose(decoder(memory()[1:, :4], LENGTHS[1:], LABELS[1:])[0], together[1], atol=1e-5)


@pytest.mark.parametrize("ctc_share", [0.0, 0.4])
def test_loss_is_the_share_of_both(decoder, ctc_share):
    sequences, frames = keras.Input((None, 3)), keras.Input((), dtype="int32")
    scores = keras.layers.Dense(5)(sequences)
    encoder = keras.Model([sequences, frames], {"logits": scores, "frames": frames, "memory": sequences})
    model = Speller(encoder, decoder, ctc_share)
    model.compile("sgd")
    targets = np.array([[1, 2], [0, -1]], np.int32)
    found = model.test_on_batch([memory(), LENGTHS], targets, return_dict=True)
    logits = np.array(decoder(memory(), LENGTHS, LABELS)).astype(float)
    steps = [(0, 0, 1), (0, 1, 2), (0, 2, 4), (1, 0, 0), (1, 1, 4)]
    spelling = sum(np.log(np.exp(logits[n, t]).sum()) - logits[n, t, label] for n, t, label in steps)
    ctc = keras.ops.ctc_loss([[1 + 1, 2 + 1], [0 + 1, 0]], tf.roll(encoder([memory(), LENGTHS])["logits"], 1, -1), [2, 1],
                             LENGTHS)  # fmt: skip
    expected = ((1 - ctc_share) * spelling + ctc_share * float(tf.reduce_sum(ctc))) / 2
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    wrong = np.mean([logits[n, t].argmax() != label for n, t, label in steps])
    assert found["spelling_error_rate"] == pytest.approx(wrong)
