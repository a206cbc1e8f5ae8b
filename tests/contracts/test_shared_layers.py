"""What every layer, loss, metric and model of shared_layers promises."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import shared_layers
from shared_layers.cases import CASES, FUNCTIONS

PACKAGE = Path(shared_layers.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)

WITHOUT_CASE = {
    "CTCModel": "a keras.Model with its own loss; tests/shared_layers",
    "Captioner": "a keras.Model of an encoder and a decoder; tests/shared_layers",
    "SelfCriticalCaptioner": "the same, trained by rewards; tests/shared_layers",
    "FramewiseModel": "a keras.Model with its own loss; tests/shared_layers",
    "LabelErrorRate": "a metric; tests/shared_layers",
    "Speller": "a keras.Model of an encoder and a decoder; tests/shared_layers",
    "NaiveGaussian": "an initialiser; tests/shared_layers",
    "PartialIdentity": "an initialiser; tests/shared_layers",
}
WITHOUT_SOURCE = {
    "CropLike": "plain cropping",
    "PadToMultiple": "plain padding",
    "FrameConvolution": "a convolution of known lengths, our own arrangement",
    "Logarithm": "elementary",
    "WindowMeans": "elementary",
}
NOT_SAVED_ALONE = {
    "BahdanauAttention": "its keys are computed outside its call; saved inside AttentionDecoder",
}


def defined() -> dict[str, type]:
    """Returns every public Keras class that a module of shared_layers defines."""
    kinds = (keras.layers.Layer, keras.losses.Loss, keras.metrics.Metric, keras.initializers.Initializer)
    classes = {}
    for name in MODULES:
        for key, value in vars(importlib.import_module(name)).items():
            if isinstance(value, type) and issubclass(value, kinds) and value.__module__ == name and key[0] != "_":
                classes[key] = value
    return classes


DEFINED = defined()
LAYERS = sorted(name for name in CASES if issubclass(DEFINED[name], keras.layers.Layer))


DIFFERENTIATED = {**CASES, **FUNCTIONS}


def inputs_of(name: str, dtype: str) -> list[tf.Tensor]:
    return [tf.constant(value, dtype if value.dtype.kind == "f" else value.dtype) for value in CASES[name].inputs]


def floats(outputs) -> list[np.ndarray]:
    return [np.asarray(keras.ops.cast(part, "float64")) for part in tf.nest.flatten(outputs) if part.dtype.is_floating]


def assert_same(first, second, tolerance: float = 1e-6) -> None:
    for left, right in zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True):
        np.testing.assert_allclose(left, right, atol=tolerance, rtol=tolerance)


def test_nothing_is_missing_from_the_cases():
    assert len(MODULES) > 10
    missing = set(DEFINED) - set(CASES) - set(WITHOUT_CASE)
    assert not missing, f"add to shared_layers/cases.py: {', '.join(sorted(missing))}"
    assert set(CASES) | set(WITHOUT_CASE) == set(DEFINED)
    assert not set(CASES) & set(WITHOUT_CASE)


@pytest.mark.parametrize("name", sorted(DEFINED))
def test_registered_for_loading(name):
    """A saved model loads with only shared_layers imported."""
    assert keras.saving.get_registered_object(f"shared_layers>{name}") is DEFINED[name]


@pytest.mark.parametrize("name", sorted(CASES))
def test_docstring(name):
    text = DEFINED[name].__doc__
    wanted = ["Output shape", ">>>"] + ([] if name in WITHOUT_SOURCE else ["Source:"])
    absent = [word for word in wanted if word not in text]
    if "Input shape" not in text and "Call arguments" not in text:
        absent.append("Input shape")
    if (
        len(set(DEFINED[name].__init__.__code__.co_varnames) - {"self", "kwargs", "name", "__class__"})
        and name in LAYERS
    ):
        assert "Args:" in text or not init_arguments(name)
    assert not absent, f"{name}'s docstring lacks {', '.join(absent)}"


def init_arguments(name: str) -> list[str]:
    code = DEFINED[name].__init__.__code__
    return [argument for argument in code.co_varnames[1 : code.co_argcount] if argument not in ("name", "dtype")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert not failed


@pytest.mark.parametrize("name", LAYERS)
def test_config_round_trip(name):
    layer = CASES[name].build(name="some_name")
    config = layer.get_config()
    again = DEFINED[name].from_config(config)
    assert again.get_config() == config and again.name == "some_name"
    for argument in init_arguments(name):
        assert argument in config, f"{name}.get_config() leaves out {argument}"
    outputs = CASES[name].call(layer, inputs_of(name, "float32"))
    CASES[name].call(again, inputs_of(name, "float32"))
    again.set_weights(layer.get_weights())
    assert_same(outputs, CASES[name].call(again, inputs_of(name, "float32")))


@pytest.mark.parametrize("name", sorted(set(CASES) - set(LAYERS)))
def test_config_round_trip_of_a_loss(name):
    loss = CASES[name].build()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    assert_same(loss(*inputs_of(name, "float32")), again(*inputs_of(name, "float32")))


@pytest.mark.parametrize("name", sorted(set(LAYERS) - set(NOT_SAVED_ALONE)))
def test_saved_and_loaded(name, tmp_path):
    case = CASES[name]
    inputs = inputs_of(name, "float32")
    symbols = [keras.Input(value.shape[1:], dtype=value.dtype.name) for value in inputs]
    layer = case.build()
    model = keras.Model(symbols, case.call(layer, symbols))
    generator = np.random.default_rng(0)
    layer.set_weights([w + 0.1 * np.abs(generator.standard_normal(w.shape)) for w in layer.get_weights()])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    outputs = model(inputs)
    assert_same(outputs, again(inputs))
    for symbol, output in zip(tf.nest.flatten(model.output), tf.nest.flatten(outputs), strict=True):
        assert symbol.dtype == output.dtype.name
        static = [(s, o) for s, o in zip(symbol.shape, output.shape, strict=True) if s is not None]
        assert all(s == o for s, o in static), f"compute_output_shape says {symbol.shape}, the output is {output.shape}"


@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision(name):
    """Variables stay in float32, outputs follow the policy and agree with float32 roughly."""
    case = CASES[name]
    layer = case.build(dtype="mixed_bfloat16")
    outputs = case.call(layer, inputs_of(name, "bfloat16"))
    assert {variable.dtype for variable in layer.trainable_variables} <= {"float32"}
    wanted = "float32" if case.always_float32 else "bfloat16"
    kinds = {part.dtype.name for part in tf.nest.flatten(outputs) if part.dtype.is_floating}
    assert kinds == {wanted}
    plain = case.build()
    rounded = [
        keras.ops.cast(value, "float32") if value.dtype.is_floating else value for value in inputs_of(name, "bfloat16")
    ]
    case.call(plain, rounded)
    plain.set_weights(layer.get_weights())
    for low, full in zip(floats(outputs), floats(case.call(plain, rounded)), strict=True):
        assert np.isfinite(low).all()
        assert np.abs(low - full).mean() <= 0.03 * np.abs(full).mean() + 0.01


@pytest.mark.parametrize("name", sorted(DIFFERENTIATED))
def test_gradients(name):
    case = DIFFERENTIATED[name]
    errors = case.gradient_errors(probes=10)
    assert errors
    wrong = {tensor: error for tensor, error in errors.items() if not error <= case.tolerance}
    assert not wrong
