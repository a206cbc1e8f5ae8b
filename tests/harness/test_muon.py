"""Muon and Nesterov's momentum by rank against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.muon import WHITENING_BIAS, ConvolutionMuon, NesterovByRank, orthogonalized
from harness.optimizers import build_optimizer
from harness.settings import TrainingConfig


def draws(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def quintic(values: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return values


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (5, 5)])
@pytest.mark.parametrize("steps", [3, 5])
def test_orthogonalized_maps_the_singular_values_by_the_quintic(shape, steps):
    matrix = draws(*shape)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    expected = (u * quintic(s / np.linalg.norm(s), steps)) @ v
    np.testing.assert_allclose(orthogonalized(tf.constant(matrix), steps), expected, atol=2e-4)


def test_five_steps_bring_the_singular_values_near_one():
    values = np.linalg.svd(np.asarray(orthogonalized(tf.constant(draws(64, 16)), 5)), compute_uv=False)
    assert 0.6 < values.min() and values.max() < 1.3


def torch_sgd(weight, gradients, rates, momentum, decay):
    """PyTorch's SGD with nesterov=True: decay joins the gradient, the buffer adds up, the step looks ahead."""
    buffer = np.zeros_like(weight)
    for gradient, rate in zip(gradients, rates, strict=True):
        gradient = gradient + decay * weight
        buffer = momentum * buffer + gradient
        weight = weight - rate * (gradient + momentum * buffer)
    return weight


def trained(optimizer, variable, gradients):
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize(
    ("shape", "rate", "momentum"), [((3, 3, 2, 4), 1.0, 0.9), ((4, 3), 5.0, 0.8), ((4,), 7.0, 0.8)]
)
def test_every_rank_steps_at_its_own_rate(shape, rate, momentum):
    weight, gradients = draws(*shape), [draws(*shape, seed=s) for s in (1, 2, 3)]
    optimizer = NesterovByRank(0.01, 0.9, vector_rate=7.0, matrix_rate=5.0, sgd_momentum=0.8, decay=0.5)
    after = trained(optimizer, keras.Variable(weight), gradients)
    # relative to its size every variable shrinks alike: the decay of a group is divided by its rate
    expected = torch_sgd(weight, gradients, [0.01 * rate] * 3, momentum, 0.5 / rate)
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-5)


def test_the_whitening_bias_learns_at_first_only():
    gradients = [draws(4, seed=s) for s in range(5)]
    optimizer = NesterovByRank(0.1, vector_rate=2.0, sgd_momentum=0.5, whitening_steps=3)
    after = trained(optimizer, keras.Variable(np.zeros(4, "float32"), name=WHITENING_BIAS), gradients)
    expected = torch_sgd(np.zeros(4), gradients, [0.2, 0.2 * 2 / 3, 0.2 / 3, 0, 0], 0.5, 0.0)
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_muon_rescales_the_kernel_and_steps_along_the_orthogonalized_momentum():
    weight, gradient = draws(3, 3, 2, 5), draws(3, 3, 2, 5, seed=1)
    after = trained(ConvolutionMuon(0.1, newton_schulz_steps=3), keras.Variable(weight), [gradient])
    u, s, v = np.linalg.svd(gradient.reshape(18, 5), full_matrices=False)
    update = ((u * quintic(s / np.linalg.norm(s), 3)) @ v).reshape(weight.shape)
    expected = weight * np.sqrt(5) / np.linalg.norm(weight) - 0.1 * update
    np.testing.assert_allclose(after, expected, atol=1e-4)


def test_muon_does_not_depend_on_the_size_of_the_gradient():
    weight, gradients = draws(3, 3, 2, 5), [draws(3, 3, 2, 5, seed=s) for s in (1, 2)]
    small, large = (
        trained(ConvolutionMuon(0.1), keras.Variable(weight), [factor * gradient for gradient in gradients])
        for factor in (1.0, 1000.0)
    )
    np.testing.assert_allclose(small, large, atol=1e-4)


def test_found_by_name_with_its_options():
    training = TrainingConfig(optimizer="convolution_muon", optimizer_options={"vector_rate": 3.0}, learning_rate=0.2)
    optimizer = build_optimizer(training, 10)
    assert isinstance(optimizer, ConvolutionMuon) and optimizer.vector_rate == 3.0
    again = ConvolutionMuon.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    with pytest.raises(ValueError, match="ConvolutionMuon does not take that option"):
        build_optimizer(TrainingConfig(optimizer="convolution_muon", optimizer_options={"beta": 1.0}), 10)
