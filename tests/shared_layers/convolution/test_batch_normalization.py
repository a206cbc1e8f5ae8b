"""The fused batch normalisation against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.convolution.batch_normalization import BatchNormalization

PICTURES = (3.0 + 2.0 * np.random.default_rng(0).standard_normal((4, 5, 6, 3))).astype(np.float32)


def trained_a_step(layer: keras.layers.Layer, pictures: np.ndarray) -> list[np.ndarray]:
    """Returns outputs, gradients and moving statistics of one step, from weights that are neither zero nor one."""
    layer.build(pictures.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
    pictures = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        outputs = layer(pictures, training=True)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 3)
    gradients = tape.gradient(loss, [pictures, *layer.trainable_variables])
    return [np.asarray(value, np.float32) for value in (outputs, *gradients, *layer.weights)]


@pytest.mark.parametrize(
    "settings",
    [{}, {"scale": False}, {"center": False}, {"epsilon": 1e-6, "momentum": 0.6}, {"synchronized": True}, {"axis": 1}],
    ids=str,
)
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (1, 1, 1, 3), (20, 18)], ids=str)
def test_trains_as_keras_does(settings, shape):
    pictures = PICTURES.ravel()[: np.prod(shape)].reshape(shape)
    ours, keras_own = (
        trained_a_step(kind(**settings), pictures) for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    for our, own in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(our, own, rtol=2e-4, atol=1e-4 * max(1.0, np.abs(own).max()))


def test_answers_as_keras_does_outside_training_and_where_it_is_frozen():
    layer, own = BatchNormalization(), keras.layers.BatchNormalization()
    trained_a_step(layer, PICTURES)
    own.build(PICTURES.shape)
    own.set_weights(layer.get_weights())
    expected = own(PICTURES, training=False)
    np.testing.assert_array_equal(layer(PICTURES, training=False), expected)
    layer.trainable = False
    np.testing.assert_array_equal(layer(PICTURES, training=True), expected)


@pytest.mark.parametrize(
    ("dtype", "fused"), [("float32", True), ("mixed_bfloat16", False), ("float64", False)], ids=str
)
def test_trains_by_the_fused_kernel_in_float32(dtype, fused):
    layer = BatchNormalization(dtype=dtype)
    step = tf.function(lambda pictures: layer(pictures, training=True))
    operations = {
        operation.type for operation in step.get_concrete_function(tf.constant(PICTURES)).graph.get_operations()
    }
    assert ("FusedBatchNormV3" in operations) is fused
