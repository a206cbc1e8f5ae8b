"""The whitening convolution on correlated pictures."""

import keras
import numpy as np
import pytest

from shared_layers.convolution.whitening import WhiteningConvolution, patch_covariance


def smooth_pictures(count: int = 40, size: int = 17) -> np.ndarray:
    """Returns pictures of mean zero whose neighbouring pixels and colours agree, [count, size, size, 3]."""
    grain = np.random.default_rng(0).standard_normal((count, size + 2, size + 2, 1))
    blurred = sum(grain[:, i : i + size, j : j + size] for i in range(3) for j in range(3)) / 3
    colours = np.random.default_rng(1).standard_normal((count, size, size, 3))
    return (blurred + 0.3 * colours).astype(np.float32)


def test_covariance_equals_that_of_patches_cut_one_by_one():
    pictures = smooth_pictures(3, 6)
    patches = [p[i : i + 2, j : j + 2].ravel() for p in pictures for i in range(5) for j in range(5)]
    patches = np.array(patches, np.float64)
    np.testing.assert_allclose(patch_covariance(pictures), patches.T @ patches / len(patches), atol=1e-5)


def test_its_outputs_are_white():
    pictures = smooth_pictures()
    before = patch_covariance(pictures)
    assert np.abs(before - np.diag(np.diag(before))).max() > 0.5
    layer = WhiteningConvolution(before, epsilon=1e-8)
    outputs = layer(pictures).numpy()
    assert outputs.shape == (40, 16, 16, 24)
    values = outputs[..., :12].reshape(-1, 12)
    np.testing.assert_allclose(values.T @ values / len(values), np.eye(12), atol=1e-3)
    np.testing.assert_allclose(outputs[..., 12:], -outputs[..., :12], atol=1e-4)


def test_epsilon_keeps_faint_directions_faint():
    covariance = np.diag([1.0] * 11 + [1e-6])
    kernel = WhiteningConvolution(covariance, epsilon=1e-2)
    kernel.build((None, 4, 4, 3))
    norms = np.sort(np.linalg.norm(np.asarray(kernel.kernel).reshape(12, 24), axis=0))
    np.testing.assert_allclose(norms[:2], 1 / np.sqrt(1.01), rtol=1e-5)
    np.testing.assert_allclose(norms[-2:], 1 / np.sqrt(1e-2 + 1e-6), rtol=1e-5)


def test_only_the_bias_learns():
    layer = WhiteningConvolution(np.eye(12))
    layer.build((None, 4, 4, 3))
    assert [variable.name for variable in layer.trainable_variables] == ["whitening_bias"]


def test_a_covariance_of_other_patches_is_refused():
    with pytest.raises(ValueError, match=r"covariance of \[27, 27\], received \[12, 12\]"):
        WhiteningConvolution(np.eye(12), kernel_size=3)(keras.ops.ones((1, 8, 8, 3)))
