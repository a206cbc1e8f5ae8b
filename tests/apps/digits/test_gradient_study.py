"""The gradient study: norms against backpropagation by hand, and the two figures of one command."""

import keras
import numpy as np
import pandas
import pytest
import scipy.special
from PIL import Image

from apps.digits import gradient_study
from apps.digits.config import MLP
from apps.digits.models.mlp import build_mlp

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.float32)
LABELS = np.arange(20) % 10


def network(activation: str, initializer: str = "glorot_uniform") -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_mlp(MLP(layers=4, units=30, activation=activation, initializer=initializer), 10)


@pytest.mark.parametrize(
    ("activation", "function", "slope"),
    [
        ("sigmoid", scipy.special.expit, lambda a: a * (1 - a)),
        ("relu", lambda x: np.maximum(x, 0), lambda a: (a > 0).astype(float)),
    ],
)
def test_norms_and_activations_are_those_of_backpropagation_by_hand(activation, function, slope):
    model = network(activation)
    weights = [np.asarray(w, np.float64) for w in model.get_weights()]
    outputs = [PICTURES.reshape(20, -1) / 255.0]
    for layer in range(4):
        outputs.append(function(outputs[-1] @ weights[2 * layer] + weights[2 * layer + 1]))
    delta = (scipy.special.softmax(outputs[-1] @ weights[8] + weights[9], axis=1) - np.eye(10)[LABELS]) / 20
    norms = []
    for layer in (3, 2, 1, 0):
        delta = (delta @ weights[2 * layer + 2].T) * slope(outputs[layer + 1])
        norms.insert(0, np.linalg.norm(delta.sum(axis=0)))
    np.testing.assert_allclose(gradient_study.gradient_norms(model, PICTURES, LABELS), norms, rtol=1e-3)
    for found, expected in zip(gradient_study.hidden_activations(model, PICTURES), outputs[1:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_one_command_writes_both_figures_and_their_numbers(tmp_path):
    arguments = ["--data", "demo", "--limit", "200", "--epochs", "2", "--output", str(tmp_path)]
    assert gradient_study.main(arguments) == 0
    table = pandas.read_csv(tmp_path / "gradient_norms.csv")
    assert len(table) == 2 * 4 * (2 + 1) * 4
    start = table[table.epoch == 0].set_index(["activation", "initializer", "layer"]).gradient_norm
    assert np.isfinite(start).all() and np.isfinite(table[table.activation == "sigmoid"].gradient_norm).all()
    assert start["sigmoid", "Glorot", 1] < 0.1 * start["sigmoid", "Glorot", 4]  # it vanishes
    assert start["relu", "He", 1] > 0.3 * start["relu", "He", 4]  # and does not
    for name in ("speed_of_learning.png", "hidden_activations.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 1000 and len(picture.convert("RGB").getcolors(1_000_000)) > 10


def test_absent_data_is_one_sentence(tmp_path, capsys):
    assert gradient_study.main(["--data", str(tmp_path / "absent"), "--output", str(tmp_path / "out")]) == 1
    assert str(tmp_path / "absent") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["--epochs", "--batch-size", "--limit"])
def test_nothing_to_train_with_is_one_sentence(tmp_path, capsys, flag):
    assert gradient_study.main(["--data", "demo", "--output", str(tmp_path), flag, "0"]) == 2
    assert capsys.readouterr().err.splitlines() == [f"digits: {flag} 0: expected 1 or more"]
    assert not any(tmp_path.iterdir())
