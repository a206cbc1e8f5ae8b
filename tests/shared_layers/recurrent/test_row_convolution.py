"""RowConvolution against NumPy, and BidirectionalRecurrent against Keras on each sequence alone."""

import keras
import numpy as np

from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.peephole_lstm_cell import PeepholeLSTMCell
from shared_layers.recurrent.row_convolution import RowConvolution

LENGTHS = np.array([12, 7, 1, 0])


def batch(frames=12):
    return np.random.default_rng(0).standard_normal((4, frames, 5)).astype(np.float32)


def dirty(frames):
    longer = np.concatenate([batch(), np.full((4, frames, 5), np.nan, np.float32)], axis=1)
    for row, length in zip(longer, LENGTHS, strict=True):
        row[length:] = 1e3
    return longer


def test_row_convolution_equals_a_correlation_of_each_feature():
    layer = RowConvolution(3)
    layer.build((None, None, 5), (None,))
    kernel = np.random.default_rng(1).standard_normal((4, 5)).astype(np.float32)
    layer.set_weights([kernel])
    output = np.array(layer(batch(), LENGTHS))
    for row, length, result in zip(batch(), LENGTHS, output, strict=True):
        for feature in range(5 if length else 0):
            expected = np.convolve(np.pad(row[:length, feature], (0, 3)), kernel[::-1, feature], "valid")
            np.testing.assert_allclose(result[:length, feature], expected, atol=1e-5)
        assert not result[length:].any()
    np.testing.assert_array_equal(np.array(layer(dirty(4), LENGTHS))[:, :12], output)


def test_row_convolution_starts_as_the_mean_of_what_it_sees():
    output = np.array(RowConvolution(1)(batch(), LENGTHS))
    np.testing.assert_allclose(output[0, :11], (batch()[0, :11] + batch()[0, 1:]) / 2, atol=1e-6)


def both_ways(make):
    return BidirectionalRecurrent(make(), make())


def test_both_directions_equal_keras_on_each_sequence_alone():
    for make in (
        lambda: keras.layers.GRU(6, return_sequences=True),
        lambda: keras.layers.RNN(PeepholeLSTMCell(6), return_sequences=True),
    ):
        layer = both_ways(make)
        output = np.array(layer(batch(), LENGTHS))
        for row, length, result in zip(batch(), LENGTHS, output, strict=True):
            if length:
                ahead = np.array(layer.forwards(row[None, :length]))[0]
                back = np.array(layer.backwards(row[None, :length][:, ::-1]))[0, ::-1]
                np.testing.assert_allclose(result[:length], np.concatenate([ahead, back], axis=1), atol=1e-5)
            assert not result[length:].any()
        np.testing.assert_allclose(np.array(layer(dirty(0), LENGTHS)), output, atol=1e-6)
