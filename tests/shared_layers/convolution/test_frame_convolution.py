"""FrameConvolution against scipy, and its independence from padding."""

import numpy as np
import pytest
import scipy.signal

from shared_layers.convolution.frame_convolution import FrameConvolution


def random_layer(strides, channels=3, kernel_size=3):
    layer = FrameConvolution(4, kernel_size, strides)
    layer.build((None, None, None, channels), (None,))
    generator = np.random.default_rng(1)
    layer.set_weights([generator.standard_normal(weight.shape) for weight in layer.weights])
    return layer


@pytest.mark.parametrize(("frames", "kernel_size"), [(9, 3), (10, 3), (9, 5)])
def test_equals_scipy(frames, kernel_size):
    layer = random_layer((2, 2), kernel_size=kernel_size)
    picture = np.random.default_rng(0).standard_normal((frames, 8, 3))
    kernel, bias = (weight.numpy() for weight in layer.weights)
    expected = np.stack(
        [
            sum(scipy.signal.correlate2d(picture[..., i], kernel[..., i, o], mode="same") for i in range(3)) + bias[o]
            for o in range(4)
        ],
        axis=-1,
    )[::2, ::2]
    output, lengths = layer(picture[None].astype(np.float32), np.array([frames]))
    np.testing.assert_allclose(output[0], np.maximum(expected, 0), atol=1e-4)
    assert lengths.numpy().tolist() == [expected.shape[0]]


@pytest.mark.parametrize("further", [1, 2, 5])
def test_padding_changes_no_utterance(further):
    layer = random_layer((2, 2))
    pictures = np.random.default_rng(0).standard_normal((2, 9, 8, 3)).astype(np.float32)
    lengths = np.array([9, 4])
    alone, frames = layer(pictures, lengths)
    dirty = np.concatenate([pictures, np.full((2, further, 8, 3), np.nan, np.float32)], axis=1)
    dirty[1, 4:] = 1e3
    padded, again = layer(dirty, lengths)
    assert frames.numpy().tolist() == again.numpy().tolist() == [5, 2]
    np.testing.assert_allclose(padded.numpy()[:, :5], alone, atol=1e-5)
    assert not padded.numpy()[:, 5:].any()
    single, _ = layer(pictures[1:, :4], lengths[1:])
    np.testing.assert_allclose(alone[1:, :2], single, atol=1e-5)
    assert not alone.numpy()[1, 2:].any()


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="odd"):
        FrameConvolution(4, 2)


def test_dilated_and_one_dimensional_equal_numpy():
    layer = FrameConvolution(4, (3, 1), activation="linear", dilation=2)
    layer.build((None, None, None, 3), (None,))
    layer.set_weights([np.random.default_rng(1).standard_normal(weight.shape) for weight in layer.weights])
    kernel, bias = (weight.numpy() for weight in layer.weights)
    sequence = np.random.default_rng(0).standard_normal((9, 1, 3)).astype(np.float32)
    padded = np.pad(sequence[:, 0], ((2, 2), (0, 0)))
    expected = bias + sum(padded[2 * k : 2 * k + 9] @ kernel[k, 0] for k in range(3))
    output, lengths = layer(sequence[None], np.array([9]))
    np.testing.assert_allclose(output[0, :, 0], expected, atol=1e-5)
    assert lengths.numpy().tolist() == [9]
    cut, _ = layer(sequence[None], np.array([6]))
    alone, _ = layer(sequence[None, :6], np.array([6]))
    np.testing.assert_allclose(cut[:, :6], alone, atol=1e-6)
