"""Reflection padding against NumPy, for sizes known and unknown."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.images.reflection_padding import CropLike, PadToMultiple, reflected


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("before", [0, 7])
def test_reflected_is_numpy_reflect(size, before):
    after = 13
    expected = np.pad(np.arange(size), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflected(size, size + after, before), expected)


@pytest.mark.parametrize("height, width", [(1, 1), (5, 7), (8, 8), (16, 3), (2, 9)])
@pytest.mark.parametrize("known", [True, False])
def test_pads_like_numpy(height, width, known):
    pictures = np.random.default_rng(0).random((2, height, width, 3), np.float32)
    expected = np.pad(pictures, ((0, 0), (0, -height % 8), (0, -width % 8), (0, 0)), mode="reflect")
    layer = PadToMultiple(8)
    shape = [None, height, width, 3] if known else [None, None, None, 3]
    padded = tf.function(layer, input_signature=[tf.TensorSpec(shape, tf.float32)])(pictures)
    np.testing.assert_array_equal(padded, expected)


def test_crop_undoes_padding():
    pictures = np.random.default_rng(0).random((2, 5, 7, 3), np.float32)
    np.testing.assert_array_equal(CropLike()([PadToMultiple(4)(pictures), pictures]), pictures)


def test_output_shapes_agree_with_what_comes_out():
    assert PadToMultiple(4).compute_output_shape((2, 5, None, 3)) == (2, 8, None, 3)
    assert PadToMultiple(4)(np.zeros((2, 5, 8, 3))).shape == (2, 8, 8, 3)
    assert tuple(CropLike().compute_output_shape([(2, 8, 8, 3), (2, 5, None, 1)])) == (2, 5, None, 3)


def test_saves_and_loads(tmp_path):
    picture = keras.Input((None, None, 3))
    model = keras.Model(picture, CropLike(name="crop")([PadToMultiple(16, name="pad")(picture), picture]))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_layer("pad").multiple == 16
    pictures = np.random.default_rng(0).random((1, 9, 10, 3), np.float32)
    np.testing.assert_array_equal(loaded(pictures), pictures)


def test_keeps_the_dtype_of_its_policy():
    assert PadToMultiple(4, dtype="mixed_bfloat16")(np.zeros((1, 3, 3, 1), np.float32)).dtype == tf.bfloat16


def test_gradient_reaches_every_copy():
    pictures = tf.Variable(tf.ones([1, 3, 4, 1]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(PadToMultiple(4)(pictures))
    np.testing.assert_array_equal(tape.gradient(total, pictures)[0, :, :, 0], [[1] * 4, [2] * 4, [1] * 4])


def test_refuses_a_multiple_of_zero():
    with pytest.raises(ValueError, match="at least 1, received 0"):
        PadToMultiple(0)
