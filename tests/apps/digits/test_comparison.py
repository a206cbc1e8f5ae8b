"""The comparison of activations and optimisers: what is measured, chosen and kept."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tyro

from apps.digits import comparison
from apps.digits.config import MLP
from apps.digits.models.mlp import build_mlp
from harness import devices, runs
from harness.labelled_pictures import LabelledPictures


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_errors_and_zeros_are_those_of_a_forward_pass_by_hand(activation):
    keras.utils.set_random_seed(3)
    generator = np.random.default_rng(0)
    test = LabelledPictures(generator.integers(0, 256, (700, 28, 28)).astype(np.uint8), generator.integers(0, 10, 700))
    model = build_mlp(MLP(layers=2, units=16, activation=activation), 10)
    weights = [np.asarray(w, np.float64) for w in model.get_weights()]
    function = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[activation]
    hidden, x = [], test.images.reshape(700, -1) / 255.0
    for layer in range(2):
        x = function(x @ weights[2 * layer] + weights[2 * layer + 1])
        hidden.append(x)
    expected = int(((x @ weights[4] + weights[5]).argmax(axis=1) != test.labels).sum())
    errors, zeros = comparison.measure(model, test)
    assert errors == pytest.approx(expected, abs=1)  # a tie may fall the other way in float32
    np.testing.assert_allclose(zeros, [(part == 0).mean() for part in hidden], atol=1e-4)
    assert zeros[0] > 0.2 if activation == "relu" else zeros == (0, 0)


def test_learning_rates_are_half_a_decade_apart_around_the_middle():
    np.testing.assert_allclose(
        comparison.learning_rates(0.1, 4), 0.1 * 10 ** np.array([-0.75, -0.25, 0.25, 0.75]), rtol=5e-3
    )
    assert comparison.learning_rates(0.003, 1) == [0.003]


def test_one_command_compares_and_the_next_trains_nothing_anew(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    monkeypatch.setattr(devices, "matmul_gflops", lambda: 100.0)
    monkeypatch.setattr(comparison, "ACTIVATIONS", ("relu", "tanh"))
    monkeypatch.setattr(comparison, "OPTIMIZERS", {"Adam": ("adam", (), 0.003), "SGD": ("sgd", (), 1e12)})
    readme = comparison.README.read_bytes()
    flags = "--data demo --epochs 6 --layers 1 --units 32 --learning-rates 1 --output".split()
    assert comparison.main([*flags, str(tmp_path / "out")]) == 0
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    [relu, tanh], [adam, sgd] = document["activations"], document["optimizers"]
    assert relu["test_error_rate"] < 0.2 and tanh["test_error_rate"] < 0.2  # chance is 0.9
    assert relu["share_of_zeros"][0] > 0.2 and tanh["share_of_zeros"] == [0.0]
    assert {**adam, "name": "relu"} == relu  # the same settings are the same run
    assert "test_error_rate" not in sgd and sgd["trials"][0]["validation_accuracy"] is None
    page = (tmp_path / "out" / "report.html").read_text()
    assert "diverged" in page and "1.43 %" in page and page.count("data:image/") == 3
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.keras")}
    assert len(kept) == 2
    assert comparison.README.read_bytes() == readme  # its tables are MNIST's
    capfd.readouterr()
    assert comparison.main([*flags, str(tmp_path / "again")]) == 0
    assert capfd.readouterr().err.count("is trained already") == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.keras")} == kept
    assert json.loads((tmp_path / "again" / "comparison.json").read_text())["activations"] == document["activations"]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--epochs", "--training.epochs 0: expected 1 or more"),
        ("--learning-rates", "--learning-rates 0: expected 1 or more"),
    ],
)
def test_a_setting_that_no_training_takes_is_one_sentence(capsys, flag, said):
    assert comparison.main(["--data", "demo", flag, "0"]) == 2
    assert capsys.readouterr().err.splitlines() == [f"digits: {said}"]


def test_the_readme_holds_both_tables(tmp_path):
    trial = comparison.Trial(0.001, tmp_path / "mlp" / "seed-1", 0.98, [0.9, 0.98], 1.5)
    relu = comparison.Member("relu", [trial], trial, 1234, 150, (0.5, 0.7))
    diverged = comparison.Member("SGD", [replace(trial, accuracy=None)], None)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- comparison:begin -->\nold\n<!-- comparison:end -->\nafter\n")
    tables = comparison.tables_of({"activations": [relu], "optimizers": [relu, diverged]}, 10_000)
    for _ in range(2):
        comparison.write_readme("How it was measured.", tables, readme)
    lines = readme.read_text().splitlines()
    assert lines[0] == "before" and lines[2] == "How it was measured." and lines[-1] == "after" and "old" not in lines
    assert lines.count("| relu | 1.50 % | 1.28 – 1.76 % | 60.0 % | 0.001 | 1,234 | 1.43 % |") == 2
    assert "| SGD | diverged |  |  |  |  |  |" in lines
    text = comparison.README.read_text("utf-8")
    assert text.count("<!-- comparison:begin -->") == text.count("<!-- comparison:end -->") == 1


def test_every_member_is_a_command_of_the_app():
    """Names of activations, optimisers and options are those that the command line takes."""
    from harness.command_line import parse
    from harness.optimizers import build_optimizer

    settings = tyro.cli(comparison.Comparison, args=[])
    for name in comparison.OPTIMIZERS:
        arguments = comparison.command(settings, "relu", name, 0.01)
        training = parse("digits", comparison.Config, comparison.PRESETS, comparison.PRESET, arguments).config.training
        optimizer = build_optimizer(training, 10)
        assert type(optimizer).__name__.lower() == comparison.OPTIMIZERS[name][0]
        if type(optimizer) is keras.optimizers.SGD:
            expected = {"SGD": (0.0, False), "momentum": (0.9, False), "Nesterov": (0.9, True)}[name]
            assert (optimizer.momentum, optimizer.nesterov) == expected
    for name in comparison.ACTIVATIONS:
        assert build_mlp(MLP(layers=1, units=4, activation=name), 3).count_params() > 0


def test_absent_data_is_one_sentence(tmp_path, capsys):
    assert comparison.main(["--data", str(tmp_path / "absent"), "--output", str(tmp_path / "out")]) == 1
    assert str(tmp_path / "absent") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
