"""BidirectionalLSTM against Keras' own Bidirectional on each sequence alone."""

import keras
import numpy as np

from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM

LENGTHS = np.array([12, 7, 1, 0])


def batch(frames=12):
    return np.random.default_rng(0).standard_normal((4, frames, 5)).astype(np.float32)


def test_equals_keras_on_each_sequence_without_padding():
    layer = BidirectionalLSTM(6)
    output = np.array(layer(batch(), LENGTHS))
    reference = keras.layers.Bidirectional(keras.layers.LSTM(6, return_sequences=True))
    reference.build((None, None, 5))
    reference.forward_layer.set_weights(layer.forwards.get_weights())
    reference.backward_layer.set_weights(layer.backwards.get_weights())
    for row, length, result in zip(batch(), LENGTHS, output, strict=True):
        if length:
            np.testing.assert_allclose(result[:length], np.array(reference(row[None, :length]))[0], atol=1e-6)
        assert not result[length:].any()


def test_padding_changes_no_sequence():
    layer = BidirectionalLSTM(6)
    output = np.array(layer(batch(), LENGTHS))
    dirty = np.concatenate([batch(), np.full((4, 9, 5), 1e3, np.float32)], axis=1)
    for row, length in zip(dirty, LENGTHS, strict=True):
        row[length:] = -1e3
    np.testing.assert_allclose(np.array(layer(dirty, LENGTHS))[:, :12], output, atol=1e-6)


def test_both_directions_reach_every_frame():
    layer = BidirectionalLSTM(6)
    before = np.array(layer(batch(), LENGTHS))
    for changed in (0, 6):
        sequences = batch()
        sequences[1, changed] += 1.0
        moved = np.abs(np.array(layer(sequences, LENGTHS)) - before)[1, :7]
        assert (moved[changed:, :6].max(axis=1) > 0).all()
        assert (moved[: changed + 1, 6:].max(axis=1) > 0).all()
        assert not moved[:changed, :6].any()
        assert not moved[changed + 1 :, 6:].any()
