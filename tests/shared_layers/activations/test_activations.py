"""The activations against their formulas in NumPy, and the random ones against their distributions."""

import math

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from shared_layers.activations.absolute import Absolute
from shared_layers.activations.apl import APL
from shared_layers.activations.centred_softplus import CentredSoftplus
from shared_layers.activations.gelu import by_name, gelu
from shared_layers.activations.maxout import Maxout
from shared_layers.activations.noisy_relu import NoisyReLU
from shared_layers.activations.rrelu import RReLU
from shared_layers.activations.vrelu import VReLU

X = np.random.default_rng(0).normal(0, 3, (5, 4, 6)).astype(np.float32)
MANY = 200_000


def test_maxout_by_hand():
    inputs = np.array([[1, 5, -1, -2, -7, -3, 0, 0, 4]], np.float32)
    assert Maxout(3)(inputs).numpy().tolist() == [[5, -2, 4]]
    assert Maxout(1)(inputs).numpy().tolist() == inputs.tolist()


def test_maxout_keeps_all_other_axes():
    expected = np.stack([X[..., 0:2].max(-1), X[..., 2:4].max(-1), X[..., 4:6].max(-1)], axis=-1)
    np.testing.assert_array_equal(Maxout(2)(X), expected)
    assert Maxout(2)(keras.Input((None, 6))).shape == (None, None, 3)


def test_maxout_refuses_pieces_that_do_not_divide():
    with pytest.raises(ValueError, match="last axis has 6 values, no multiple of 4"):
        Maxout(4)(X)
    with pytest.raises(ValueError, match="at least 1, received 0"):
        Maxout(0)


def test_apl_follows_equation_1():
    generator = np.random.default_rng(1)
    slopes, places = generator.normal(size=(2, 3, 6)).astype(np.float32)
    layer = APL(hinges=3)
    layer.build(X.shape)
    layer.set_weights([slopes, places])
    expected = np.maximum(0, X)
    for a, b in zip(slopes, places, strict=True):
        expected = expected + a * np.maximum(0, b - X)
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_apl_learns_the_absolute_value():
    """One hinge of slope 1 at 0 makes |x|."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), APL(hinges=2)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x = np.linspace(-2, 2, 256, dtype=np.float32)[:, None]
    model.fit(x, np.abs(x), batch_size=64, epochs=60, verbose=0)
    assert np.abs(model(x) - np.abs(x)).max() < 0.1
    assert np.abs(np.maximum(x, 0) - np.abs(x)).max() == 2


def test_rrelu_draws_slopes_evenly_from_its_range():
    """Mean 0.3 and variance 0.4^2 / 12 of the uniform distribution from 0.1 to 0.5."""
    layer = RReLU(seed=3)
    x = -np.random.default_rng(2).uniform(1, 4, MANY).astype(np.float32)
    slopes = layer(x, training=True).numpy() / x
    assert 0.1 - 1e-6 <= slopes.min() < 0.101 and 0.499 < slopes.max() <= 0.5 + 1e-6
    assert slopes.mean() == pytest.approx(0.3, abs=0.002)
    assert slopes.var() == pytest.approx(0.4**2 / 12, rel=0.02)
    again = layer(x, training=True).numpy() / x
    assert abs(np.corrcoef(slopes, again)[0, 1]) < 0.02


def test_rrelu_takes_the_mean_slope_outside_training_and_leaves_positive_values():
    np.testing.assert_allclose(RReLU()(X), np.where(X < 0, 0.3 * X, X), rtol=1e-6)
    np.testing.assert_array_equal(RReLU(seed=1)(np.abs(X), training=True), np.abs(X))


def test_rrelu_passes_the_gradient_by_the_slope_it_drew():
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = RReLU(seed=1)(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-5)


@pytest.mark.parametrize("slope", [0.1, 1 / 3, 0.5])
def test_vrelu(slope):
    np.testing.assert_allclose(VReLU(slope)(X), np.maximum(X, slope * X), rtol=1e-6)


@pytest.mark.parametrize("slope", [0.05, 0.6])
def test_vrelu_is_very_leaky(slope):
    with pytest.raises(ValueError, match=r"from 0.1 to 0.5, received"):
        VReLU(slope)


def test_absolute():
    np.testing.assert_array_equal(Absolute()(X), np.abs(X))


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.5, 2.0])
def test_noisy_relu_has_the_mean_and_variance_of_a_rectified_normal(x):
    """E max(0, N(m, s^2)) = m Phi(m/s) + s phi(m/s), with s^2 = sigmoid(m)."""
    s = math.sqrt(scipy.special.expit(x))
    density = math.exp(-((x / s) ** 2) / 2) / math.sqrt(2 * math.pi)
    mean = x * scipy.special.ndtr(x / s) + s * density
    square = (x**2 + s**2) * scipy.special.ndtr(x / s) + x * s * density
    y = NoisyReLU(seed=5)(np.full(MANY, x, np.float32), training=True).numpy()
    assert y.mean() == pytest.approx(mean, abs=5 * math.sqrt((square - mean**2) / MANY))
    assert (y**2).mean() == pytest.approx(square, rel=0.05)


def test_noisy_relu_is_a_relu_outside_training_and_in_its_gradient():
    np.testing.assert_array_equal(NoisyReLU()(X), np.maximum(X, 0))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = NoisyReLU(seed=1)(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), (y > 0).numpy().astype(np.float32))


def test_centred_softplus():
    np.testing.assert_allclose(CentredSoftplus()(X), np.logaddexp(0, X) - np.log(2), atol=1e-6)
    large = CentredSoftplus()(np.array([-200.0, 200.0], np.float32)).numpy()
    np.testing.assert_allclose(large, [-math.log(2), 200 - math.log(2)], rtol=1e-6)


@pytest.mark.parametrize("build", [RReLU, NoisyReLU])
def test_the_seed_decides(build):
    first, same, other = (build(seed=seed)(X, training=True).numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6), ("bfloat16", 3e-2)])
def test_gelu_follows_its_formula_up_to_the_second_derivative(dtype, tolerance):
    x = tf.cast(tf.linspace(-8.0, 8.0, 161), dtype)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = gelu(x)
        slope = tape.gradient(y, x)
    found = [tf.cast(value, tf.float64).numpy() for value in (y, slope, outer.gradient(slope, x))]
    x = tf.cast(x, tf.float64).numpy()
    below, density = scipy.special.ndtr(x), np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    for ours, expected in zip(found, (x * below, below + x * density, (2 - x**2) * density), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


def test_an_activation_by_name_is_keras_own_but_for_gelu():
    assert by_name("gelu") is gelu
    assert by_name("relu") is keras.activations.relu
    assert by_name(None)(3.0) == 3.0
