"""The average over dropout against the expectation worked out by hand."""

import keras
import numpy as np
import pytest
import scipy.special

from harness.dropout_average import average, has_dropout


def network(rate: float) -> keras.Model:
    """Logits 10 x (mean of the dropped-out picture / 255, 0), after a batch normalisation that has seen nothing."""
    inputs = keras.Input((28, 28))
    x = keras.layers.BatchNormalization(epsilon=0)(keras.layers.Flatten()(inputs))
    x = keras.layers.Dropout(rate)(keras.ops.mean(x, axis=1, keepdims=True) / 255)
    return keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="logits")(x))


def test_it_is_the_expectation_over_the_masks():
    """One unit, kept with probability 0.75 and then divided by it: the mean softmax is a weighted sum of two."""
    model = network(0.25)
    model.get_layer("logits").set_weights([np.array([[2.0, -1.0]])])
    images = np.stack([np.full((28, 28), value, np.uint8) for value in (0, 100, 255)])
    x = images[:, 0, :1].astype(float) / 255
    logits = x * [2.0, -1.0]
    expected = 0.75 * scipy.special.softmax(logits / 0.75, axis=1) + 0.25 * 0.5
    found = average(model, images, passes=4000)
    np.testing.assert_allclose(found, expected, atol=0.01)
    single = scipy.special.softmax(logits, axis=1)
    assert np.abs(found - single).max() > 0.03


def test_it_repeats_and_leaves_the_model_alone():
    model = network(0.5)
    images = np.random.default_rng(0).integers(0, 256, (700, 28, 28)).astype(np.uint8)
    before = [value.copy() for value in model.get_weights()]
    first, second = average(model, images, passes=3), average(model, images, passes=3)
    np.testing.assert_array_equal(first, second)
    for kept, value in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, value)
    assert all(variable.trainable for variable in model.get_layer("logits").weights)


@pytest.mark.parametrize(("rate", "expected"), [(0.5, True), (0.0, False)])
def test_dropout_is_found(rate, expected):
    assert has_dropout(network(rate)) == expected
