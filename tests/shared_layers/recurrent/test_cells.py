"""The peephole and projected cells inside keras.layers.RNN against NumPy."""

import keras
import numpy as np
import pytest

from shared_layers.recurrent.peephole_lstm_cell import PeepholeLSTMCell
from shared_layers.recurrent.projected_lstm_cell import ProjectedLSTMCell

FEATURES, UNITS, PROJECTION = 4, 5, 3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def peephole(x, weights):
    kernel, recurrent, peepholes, bias = weights
    h = c = np.zeros(UNITS)
    outputs = []
    for frame in x:
        gates = [frame @ k + h @ u + b for k, u, b in
                 zip(np.split(kernel, 4, 1), np.split(recurrent, 4, 1), np.split(bias, 4), strict=True)]  # fmt: skip
        into = sigmoid(gates[0] + peepholes[0] * c)
        keep = sigmoid(gates[1] + peepholes[1] * c)
        c = keep * c + into * np.tanh(gates[2])
        h = sigmoid(gates[3] + peepholes[2] * c) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def projected(x, weights):
    kernel, recurrent, bias, projection = weights
    r, c = np.zeros(PROJECTION), np.zeros(UNITS)
    outputs = []
    for frame in x:
        i, f, g, o = np.split(frame @ kernel + r @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        r = (sigmoid(o) * np.tanh(c)) @ projection
        outputs.append(r)
    return np.array(outputs)


CELLS = {
    "peephole": (lambda: PeepholeLSTMCell(UNITS), peephole),
    "projected": (lambda: ProjectedLSTMCell(UNITS, PROJECTION), projected),
}


def sequences(frames=7):
    return np.random.default_rng(0).standard_normal((3, frames, FEATURES)).astype(np.float32)


def layer_of(cell, **arguments):
    layer = keras.layers.RNN(cell(), return_sequences=True, **arguments)
    layer.build((None, None, FEATURES))
    generator = np.random.default_rng(1)
    layer.set_weights([0.7 * generator.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("name", CELLS)
def test_equals_numpy(name):
    cell, reference = CELLS[name]
    layer = layer_of(cell)
    output = np.array(layer(sequences()))
    for row, result in zip(sequences(), output, strict=True):
        np.testing.assert_allclose(result, reference(row, layer.get_weights()), atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_masked_frames_are_passed_over(name):
    cell, reference = CELLS[name]
    layer = layer_of(cell)
    mask = np.ones((3, 7), bool)
    mask[1, [0, 3, 4]] = False
    output = np.array(layer(sequences(), mask=mask))
    expected = reference(sequences()[1][mask[1]], layer.get_weights())
    np.testing.assert_allclose(output[1][mask[1]], expected, atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_a_sequence_goes_on_from_its_state(name):
    layer = layer_of(CELLS[name][0], return_state=True)
    whole = np.array(layer(sequences())[0])
    first, *state = layer(sequences()[:, :3])
    second, *_ = layer(sequences()[:, 3:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_forgets_nothing_at_first_and_saves_with_its_layer(name, tmp_path):
    cell = CELLS[name][0]()
    cell.build((None, FEATURES))
    bias = cell.bias.numpy()
    np.testing.assert_array_equal(np.split(bias, 4)[1], 1.0)
    assert np.abs(bias).sum() == UNITS
    inputs = keras.Input((None, FEATURES))
    model = keras.Model(inputs, layer_of(CELLS[name][0])(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(model(sequences()), again(sequences()))


def test_peepholes_start_without_effect():
    """As a plain LSTM of Keras', whose gates stand in the same order."""
    layer, plain = keras.layers.RNN(PeepholeLSTMCell(UNITS), return_sequences=True), keras.layers.LSTM(
        UNITS, return_sequences=True
    )  # fmt: skip
    for made in (layer, plain):
        made.build((None, None, FEATURES))
    kernel, recurrent, _, bias = layer.get_weights()
    plain.set_weights([kernel, recurrent, bias])
    np.testing.assert_allclose(layer(sequences()), plain(sequences()), atol=1e-6)
