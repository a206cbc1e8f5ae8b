"""The naive Gaussian initialiser."""

import keras
import numpy as np
import pytest
import scipy.stats

from shared_layers.initializers.naive_gaussian import NaiveGaussian


@pytest.mark.parametrize("shape", [(784, 30), (30, 784)])
def test_its_weights_are_normal_whatever_the_shape(shape):
    weights = NaiveGaussian(0.5, seed=2)(shape).numpy()
    assert weights.shape == shape
    assert scipy.stats.kstest(weights.ravel() / 0.5, "norm").pvalue > 0.01


def test_two_layers_start_with_different_weights():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, kernel_initializer=NaiveGaussian(1.0)) for _ in range(2)]
    for layer in layers:
        layer.build((None, 8))
    assert np.abs(layers[0].kernel.numpy() - layers[1].kernel.numpy()).max() > 0.1


def test_a_layer_with_it_is_saved_and_loaded(tmp_path):
    layer = keras.layers.Dense(3, kernel_initializer=NaiveGaussian(0.02, seed=4))
    model = keras.Sequential([keras.Input((2,)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert again.layers[0].kernel_initializer.get_config() == {"stddev": 0.02, "seed": 4}


def test_a_width_of_zero_is_refused():
    with pytest.raises(ValueError, match="above 0, received 0"):
        NaiveGaussian(0.0)
