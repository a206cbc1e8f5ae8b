import keras
import numpy as np
import pytest

from shared_layers.convolution.framewise_convnet import FramewiseConvNet


def test_every_frame_goes_through_the_same_network():
    keras.utils.set_random_seed(0)
    layer = FramewiseConvNet([4, 0, 6, 0])
    frames = np.random.default_rng(0).standard_normal((2, 5, 12, 12, 3)).astype(np.float32)
    together = np.asarray(layer(frames))
    assert together.shape == (2, 5, 3 * 3 * 6) == layer.compute_output_shape(frames.shape)
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(np.asarray(layer(frames[:, order])), together[:, order], atol=1e-6)
    alone = np.asarray(layer(frames[1:, 2:3]))
    np.testing.assert_allclose(alone[0, 0], together[1, 2], atol=1e-6)


def test_it_equals_keras_own_layers_on_one_frame():
    keras.utils.set_random_seed(1)
    layer = FramewiseConvNet([4, 5, 0])
    frame = np.random.default_rng(1).standard_normal((1, 1, 8, 8, 2)).astype(np.float32)
    output = np.asarray(layer(frame))
    x = frame[:, 0]
    for place, convolution in enumerate(layer.convolutions):
        kernel = np.asarray(convolution.convolution.kernel)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = sum(padded[:, i : i + 8, j : j + 8] @ kernel[i, j] for i in range(3) for j in range(3))
        if place == 1:
            x = x.reshape(1, 4, 2, 4, 2, 5).max(axis=(2, 4))
        x = np.maximum(x / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(output[0, 0], x.ravel(), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_only_training_moves_the_averages_of_the_normalization(training):
    layer = FramewiseConvNet([4])
    frames = 3 + np.random.default_rng(4).standard_normal((2, 5, 6, 6, 1)).astype(np.float32)
    layer(frames, training=training)
    assert bool(np.any(layer.convolutions[0].normalization.moving_mean)) == training


def test_without_activation_and_normalization_it_is_linear():
    keras.utils.set_random_seed(3)
    layer = FramewiseConvNet([4, 3], activation="linear", normalization=False)
    a, b = np.random.default_rng(3).standard_normal((2, 1, 2, 6, 6, 2)).astype(np.float32)
    assert np.abs(np.asarray(layer(a))).max() > 0.1
    np.testing.assert_allclose(layer(2 * a - b), 2 * np.asarray(layer(a)) - np.asarray(layer(b)), atol=1e-5)


@pytest.mark.parametrize("normalization", [True, False])
def test_it_loads_again_inside_a_model(tmp_path, normalization):
    inputs = keras.Input((4, 8, 8, 2))
    model = keras.Model(inputs, FramewiseConvNet([3, 0], normalization=normalization)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    frames = np.random.default_rng(2).standard_normal((2, 4, 8, 8, 2)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(frames, verbose=0), again.predict(frames, verbose=0))


@pytest.mark.parametrize("filters", [[], [0, 4], [4, 0, 0]])
def test_a_pooling_without_a_convolution_is_refused(filters):
    with pytest.raises(ValueError, match="convolutions"):
        FramewiseConvNet(filters)
