"""ShiftedViews and MeanOverViews around a network against the network on pictures moved by hand."""

import keras
import numpy as np

from shared_layers.images.shifted_views import MeanOverViews, ShiftedViews

PICTURES = np.random.default_rng(0).standard_normal((3, 6, 5, 1)).astype(np.float32)


def network(average: bool) -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 5, 1))
    x = ShiftedViews()(inputs) if average else inputs
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    return keras.Model(inputs, MeanOverViews()(x) if average else x)


def moved(rows: int, columns: int) -> np.ndarray:
    whole = np.zeros((3, 8, 7, 1), np.float32)
    whole[:, 1 + rows : 7 + rows, 1 + columns : 6 + columns] = PICTURES
    return whole[:, 1:7, 1:6]


def test_inference_is_the_mean_over_three_views():
    alone = network(average=False)
    views = [moved(*place) for place in ((0, 0), (-1, 0), (0, -1))]
    expected = np.mean([np.asarray(alone(view)) for view in views], axis=0)
    averaging = network(average=True)
    np.testing.assert_allclose(averaging(PICTURES, training=False), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(averaging.predict(PICTURES, batch_size=2, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(expected, alone(PICTURES), atol=1e-3)


def test_training_sees_the_picture_alone():
    np.testing.assert_array_equal(network(average=True)(PICTURES, training=True), network(average=False)(PICTURES))
