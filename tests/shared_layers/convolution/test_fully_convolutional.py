"""A classifier in fully convolutional form against the classifier on cut out windows."""

import keras
import numpy as np
import pytest

from shared_layers.convolution.fully_convolutional import DenseOverWindows, fully_convolutional


def normal(*shape):
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def windows(maps, height, width):
    """[batch, rows, columns, height * width * channels], by NumPy."""
    found = np.lib.stride_tricks.sliding_window_view(maps, (height, width), axis=(1, 2))
    return np.moveaxis(found, 3, -1).reshape(*found.shape[:3], -1)


@pytest.mark.parametrize("use_bias", [True, False])
def test_every_window_gets_the_answer_of_the_fully_connected_layer(use_bias):
    dense = keras.layers.Dense(4, activation="tanh", use_bias=use_bias, bias_initializer="random_normal")
    layer, maps = DenseOverWindows(dense, (2, 3)), normal(2, 5, 6, 3)
    np.testing.assert_allclose(layer(maps), dense(windows(maps, 2, 3)), atol=1e-5)


def classifier(top):
    """A 3x3 convolution, pooling, and a top, for pictures of 8 pixels."""
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(3, 3, padding="valid", activation="relu")(inputs)
    for layer in top:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    "top",
    [
        lambda: [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)],
        lambda: [keras.layers.GlobalMaxPooling2D(), keras.layers.Dropout(0.5), keras.layers.Dense(4)],
        lambda: [keras.layers.Flatten(), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(4)],
    ],
    ids=["average", "max", "flatten"],
)
def test_every_place_of_a_larger_picture_gets_the_classifiers_answer_to_its_window(top):
    model = classifier(top())
    maps, large = fully_convolutional(model), normal(1, 11, 10, 2)
    found = np.asarray(maps(large))
    assert found.shape == (1, 4, 3, 4)
    for row in range(4):
        for column in range(3):
            window = large[:, row : row + 8, column : column + 8]
            np.testing.assert_allclose(found[:, row, column], model(window), atol=1e-5)


def test_the_weights_are_the_classifiers_own():
    model = classifier([keras.layers.Flatten(), keras.layers.Dense(4)])
    maps, pictures = fully_convolutional(model), normal(2, 8, 8, 2)
    before = np.asarray(maps(pictures))
    model.layers[-1].kernel.assign(2 * model.layers[-1].kernel)
    np.testing.assert_allclose(maps(pictures)[:, 0, 0], model(pictures), atol=1e-5)
    assert np.abs(np.asarray(maps(pictures)) - before).max() > 0.1
