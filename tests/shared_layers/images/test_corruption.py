"""The noise is normal, independent, not clipped, and a function of its seed."""

import numpy as np
import scipy.stats
import tensorflow as tf

from shared_layers.images.corruption import add_gaussian_noise


def test_noise_is_normal_and_not_clipped():
    pictures = tf.constant([0.0, 1.0])[:, None] * tf.ones([1, 20_000])
    noise = (add_gaussian_noise(pictures, 0.1, [1, 2]) - pictures).numpy()
    for values in noise:
        assert scipy.stats.kstest(values / 0.1, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise)[0, 1]) < 0.03


def test_noise_is_a_function_of_the_seed():
    pictures = tf.zeros([4, 5, 5, 3])
    first, again, other = (add_gaussian_noise(pictures, 0.1, seed).numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 0


def test_noise_keeps_half_precision():
    assert add_gaussian_noise(tf.zeros([2], tf.bfloat16), 0.1, [0, 0]).dtype == tf.bfloat16
