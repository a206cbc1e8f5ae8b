"""The gradient check finds wrong gradients and passes right ones."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.gradient_check import gradient_errors, relative_error


def test_relative_error_by_hand():
    assert relative_error([1.0, 2.0], [1.0, 2.0]) == 0.0
    assert relative_error([1.0, -1.0], [1.0, 1.0]) == 1.0
    assert relative_error([3.0], [1.0]) == 0.5
    assert relative_error([1e-9], [0.0]) == pytest.approx(0.1)
    assert relative_error(np.zeros(0), np.zeros(0)) == 0.0


def test_right_gradients_pass():
    x = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
    errors = gradient_errors(lambda a, b: [tf.sin(a) * b, tf.math.log(a)], [x, 1 / x])
    assert set(errors) == {"input 0", "input 1"}
    assert max(errors.values()) < 1e-8


@pytest.mark.parametrize("factor", [1.001, 0.0, -1.0])
def test_a_wrong_gradient_is_found(factor):
    @tf.custom_gradient
    def cube(x):
        return x**3, lambda upstream: factor * 3 * x**2 * upstream

    x = np.random.default_rng(1).uniform(0.5, 2, (5,))
    expected = abs(factor - 1) / (abs(factor) + 1)
    assert gradient_errors(cube, [x])["input 0"] == pytest.approx(expected, rel=1e-4)


def test_one_wrong_element_of_a_variable_is_found_and_the_variable_is_left_as_it_was():
    variable = keras.Variable(np.array([1.0, 2.0, 3.0]), dtype="float64", name="weight")

    @tf.custom_gradient
    def square(w):
        return w**2, lambda upstream: 2 * w * upstream * tf.constant([1.0, 1.0, 1.1], tf.float64)

    errors = gradient_errors(lambda x: square(variable.value) * x, [np.ones(3)], [variable])
    assert errors["input 0"] < 1e-8
    assert errors["weight"] == pytest.approx(0.1 / 2.1, rel=1e-4)
    np.testing.assert_array_equal(variable.numpy(), [1.0, 2.0, 3.0])


def test_integers_are_not_differentiated():
    errors = gradient_errors(lambda x, n: x[:, : n[0]], [np.ones((2, 3)), np.array([2])])
    assert list(errors) == ["input 0"]


def test_command_line():
    command = [sys.executable, "-m", "shared_layers.gradient_check"]
    right = subprocess.run([*command, "TrainableSubsampling"], capture_output=True, text=True)
    assert right.returncode == 0 and "coefficient" in right.stdout
    wrong = subprocess.run([*command, "NoSuchLayer"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "ConvBatchNorm" in wrong.stderr and "Traceback" not in wrong.stderr
