"""Inception, dense and depthwise separable blocks and local response normalisation against other implementations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.convolution.dense_block import DenseBlock
from shared_layers.convolution.depthwise_separable import DepthwiseSeparable
from shared_layers.convolution.inception import Inception
from shared_layers.convolution.local_response_normalization import LocalResponseNormalization


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_local_response_normalization_equals_tensorflows(size):
    x = 5 * pictures(2, 3, 4, 7)
    expected = tf.nn.local_response_normalization(x, size // 2, bias=2.0, alpha=0.01, beta=0.75)
    np.testing.assert_allclose(LocalResponseNormalization(size, 2.0, 0.01, 0.75)(x), expected, rtol=1e-5, atol=1e-6)


def test_an_even_neighbourhood_is_refused():
    with pytest.raises(ValueError, match="odd, received 4"):
        LocalResponseNormalization(4)


def inference(layer: keras.layers.Layer, x: np.ndarray) -> np.ndarray:
    """Normalisations of fresh layers divide by sqrt(1 + 1e-5) in inference; that apart they are the identity."""
    return np.asarray(layer(x, training=False))


def test_inception_joins_four_branches():
    x = pictures(2, 6, 5, 4)
    block = Inception((2, 3, 4, 2, 3, 5))
    outputs = inference(block, x)
    scale, relu = np.float32(1 / np.sqrt(1 + 1e-5)), lambda y: np.maximum(y, 0)
    conv = lambda y, layer: relu(scale * tf.nn.conv2d(y, layer.convolution.kernel, 1, "SAME").numpy())  # noqa: E731
    (one,), (reduce3, three), (reduce5, five), (_, projection) = block.branches
    pooled = tf.nn.max_pool2d(x, 3, 1, "SAME")
    expected = [conv(x, one), conv(conv(x, reduce3), three), conv(conv(x, reduce5), five), conv(pooled, projection)]
    np.testing.assert_allclose(outputs, np.concatenate(expected, axis=-1), atol=1e-5)
    assert [part.shape[-1] for part in expected] == [2, 4, 3, 5]
    with pytest.raises(ValueError, match="six numbers expected, received 4"):
        Inception((1, 2, 3, 4))


@pytest.mark.parametrize("bottleneck", [False, True])
def test_dense_block_hands_everything_on(bottleneck):
    x = pictures(2, 5, 4, 3)
    block = DenseBlock(3, 2, bottleneck=bottleneck)
    outputs = inference(block, x)
    scale, joined = np.float32(1 / np.sqrt(1 + 1e-5)), x
    for step in block.steps:
        new = joined
        for layer in step:
            new = tf.nn.conv2d(np.maximum(scale * new, 0), layer.convolution.kernel, 1, "SAME").numpy()
        joined = np.concatenate([joined, new], axis=-1)
    np.testing.assert_allclose(outputs, joined, atol=1e-5)
    kernels = sum(np.prod(v.shape) for v in block.trainable_variables if v.path.endswith("kernel"))
    wide = 8 * (3 + 5 + 7) + 3 * 9 * 8 * 2
    assert kernels == (wide if bottleneck else 9 * 2 * (3 + 5 + 7))


@pytest.mark.parametrize(("between", "strides"), [(True, 1), (False, 1), (False, 2)])
def test_depthwise_separable_equals_tensorflows(between, strides):
    x = pictures(2, 6, 6, 3)
    layer = DepthwiseSeparable(4, strides, normalize_between=between)
    outputs = inference(layer, x)
    depthwise, pointwise = np.asarray(layer.depthwise.kernel), np.asarray(layer.pointwise.kernel)
    scale = np.float32(1 / np.sqrt(1 + 1e-5))
    if between:
        x = tf.nn.relu(scale * tf.nn.depthwise_conv2d(x, depthwise, [1, strides, strides, 1], "SAME"))
        expected = tf.nn.conv2d(x, pointwise, 1, "SAME")
    else:
        expected = tf.nn.separable_conv2d(x, depthwise, pointwise, [1, strides, strides, 1], "SAME")
    np.testing.assert_allclose(outputs, np.maximum(scale * np.asarray(expected), 0), atol=1e-5)
