"""ConvBatchNorm and residual blocks against NumPy and SciPy."""

import keras
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.residual import BasicResidualBlock, BottleneckResidualBlock


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Cross-correlation with zero padding, channel by channel, by SciPy."""
    result = np.zeros((*x.shape[:3], kernel.shape[3]))
    for example in range(len(x)):
        for source in range(kernel.shape[2]):
            for target in range(kernel.shape[3]):
                plane = scipy.signal.correlate2d(x[example, :, :, source], kernel[:, :, source, target], mode="same")
                result[example, :, :, target] += plane
    return result


def normalized(x: np.ndarray) -> np.ndarray:
    return (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)


def test_conv_batch_norm_in_training_equals_scipy():
    x = pictures(3, 6, 8, 2)
    layer = ConvBatchNorm(4, pool_size=2)
    output = layer(x, training=True)
    raw = convolved(x, np.asarray(layer.convolution.kernel))
    pooled = raw.reshape(3, 3, 2, 4, 2, 4).max(axis=(2, 4))
    np.testing.assert_allclose(output, np.maximum(normalized(pooled), 0), atol=1e-4)
    moving = 0.9 * 0.0 + 0.1 * pooled.mean((0, 1, 2))
    np.testing.assert_allclose(layer.normalization.moving_mean, moving, atol=1e-5)


def test_a_strided_1x1_convolution_is_a_product_with_every_second_place():
    """At a size where the gradient of TensorFlow's own crashes."""
    x = np.random.default_rng(0).standard_normal((40, 48, 48, 4)).astype(np.float32)
    layer = ConvBatchNorm(6, 1, strides=2, activation=None)
    layer.build(x.shape)
    kernel = layer.convolution.kernel.numpy()[0, 0]
    weights = np.random.default_rng(1).standard_normal((40, 24, 24, 6)).astype(np.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x, training=False) * weights)
    np.testing.assert_allclose(
        layer(x, training=False), x[:, ::2, ::2] @ kernel / np.sqrt(1 + 1e-5), rtol=1e-4, atol=1e-4
    )
    gradient = tape.gradient(total, layer.convolution.kernel)[0, 0]
    expected = np.einsum("nhwi,nhwo->io", x[:, ::2, ::2], weights) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-2)


def test_conv_batch_norm_in_inference_uses_the_moving_statistics():
    x = pictures(2, 5, 5, 3)
    layer = ConvBatchNorm(2, 1, activation=None)
    layer.build(x.shape)
    mean, variance = np.array([0.5, -1.0]), np.array([4.0, 0.25])
    layer.normalization.moving_mean.assign(mean)
    layer.normalization.moving_variance.assign(variance)
    kernel = np.asarray(layer.convolution.kernel)[0, 0]
    np.testing.assert_allclose(layer(x), (x @ kernel - mean) / np.sqrt(variance + 1e-5), atol=1e-5)


@pytest.mark.parametrize(("strides", "pool_size", "expected"), [(1, 1, 7), (2, 1, 4), (1, 2, 3), (2, 2, 2)])
def test_conv_batch_norm_shape(strides, pool_size, expected):
    layer = ConvBatchNorm(5, strides=strides, pool_size=pool_size)
    assert layer.compute_output_shape((1, 7, 7, 3)) == (1, expected, expected, 5)
    assert tuple(layer(pictures(1, 7, 7, 3)).shape) == (1, expected, expected, 5)


@pytest.mark.parametrize("kind", [BasicResidualBlock, BottleneckResidualBlock])
def test_a_new_block_is_the_identity_on_activated_pictures(kind):
    x = np.abs(pictures(2, 4, 4, 8))
    np.testing.assert_array_equal(kind(8)(x, training=True), x)


def test_basic_block_in_training_equals_scipy():
    x = pictures(2, 5, 4, 3)
    block = BasicResidualBlock(3)
    block.build(x.shape)
    first, second = block.convolutions
    second.normalization.gamma.assign([0.5, 1.0, 2.0])
    hidden = np.maximum(normalized(convolved(x, np.asarray(first.convolution.kernel))), 0)
    residual = normalized(convolved(hidden, np.asarray(second.convolution.kernel))) * [0.5, 1.0, 2.0]
    np.testing.assert_allclose(block(x, training=True), np.maximum(x + residual, 0), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "kernels"),
    [(BasicResidualBlock, 2 * 9 * 64 * 64), (BottleneckResidualBlock, 64 * 16 + 9 * 16 * 16 + 16 * 64)],
)
def test_number_of_kernel_weights(kind, kernels):
    block = kind(64)
    block.build((None, 8, 8, 64))
    sizes = [np.prod(v.shape) for v in block.trainable_variables if v.path.endswith("kernel")]
    assert sum(sizes) == kernels


def test_a_shortcut_that_cannot_be_the_identity_is_refused():
    with pytest.raises(ValueError, match="needs 8 input channels, received 3"):
        BasicResidualBlock(8)(pictures(1, 4, 4, 3))


def test_gradient_reaches_the_input_of_a_deep_stack():
    """With a zero start of the residuals the shortcut carries the whole gradient through fifty blocks."""
    import tensorflow as tf

    x = tf.constant(np.abs(pictures(1, 4, 4, 4)))
    blocks = [BasicResidualBlock(4) for _ in range(50)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for block in blocks:
            y = block(y, training=True)
        total = keras.ops.sum(y)
    np.testing.assert_allclose(tape.gradient(total, x), np.ones(x.shape), atol=1e-5)
