"""LogMel against librosa, and its independence from padding."""

import librosa
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.audio.log_mel import LogMel


def noise(count, samples, seed=0):
    generator = np.random.default_rng(seed)
    sound = generator.standard_normal((count, samples)) * np.linspace(0.01, 0.3, samples)
    return (sound + 0.2 * np.sin(np.arange(samples) * 2 * np.pi * 440 / 16000)).astype(np.float32)


@pytest.mark.parametrize(("bins", "window", "hop", "lowest"), [(80, 400, 160, 20.0), (40, 512, 200, 0.0)])
def test_equals_librosa(bins, window, hop, lowest):
    sound = noise(1, 9000)
    length = 512
    side = (length - window) // 2  # librosa centres the window inside the transform
    expected = librosa.feature.melspectrogram(
        y=np.pad(sound[0], side), sr=16000, n_fft=length, hop_length=hop, win_length=window, center=False, n_mels=bins,
        fmin=lowest, fmax=8000, htk=True, norm=None, power=2.0,
    ).T  # fmt: skip
    layer = LogMel(bins=bins, window_length=window, hop_length=hop, lowest_hertz=lowest, floor=1e-10)
    features, frames = layer(sound, np.array([9000]))
    assert frames.numpy().tolist() == [len(expected)]
    # the triangles stand on the mel axis, as in HTK; librosa draws them on the axis of frequencies
    difference = np.abs(features[0].numpy() - np.log(np.maximum(expected, 1e-10)))
    assert difference.max() < 0.03
    assert difference.mean() < 0.005


def test_frames_are_whole_windows_of_real_samples():
    layer = LogMel()
    _, frames = layer(np.zeros((5, 2000), np.float32), np.array([2000, 560, 559, 400, 399]))
    assert frames.numpy().tolist() == [11, 2, 1, 1, 0]


def test_neither_padding_nor_what_stands_in_it_matters():
    layer, sound = LogMel(), noise(2, 5000)
    alone, frames = layer(sound, np.array([5000, 3100]))
    dirty = np.concatenate([sound, np.full((2, 4000), np.nan, np.float32)], axis=1)
    dirty[1, 3100:] = 0.9
    padded, again = layer(dirty, np.array([5000, 3100]))
    assert frames.numpy().tolist() == again.numpy().tolist() == [29, 17]
    np.testing.assert_array_equal(alone.numpy(), padded.numpy()[:, : alone.shape[1]])
    assert not padded.numpy()[0, 29:].any()
    assert not padded.numpy()[1, 17:].any()


def test_a_loud_neighbour_changes_nothing():
    """keras.layers.MelSpectrogram clips below the loudest value of the whole batch."""
    quiet = 1e-3 * noise(1, 4000)
    both = np.concatenate([quiet, 1000 * noise(1, 4000, 1)])
    layer = LogMel()
    alone, together = layer(quiet, np.array([4000]))[0], layer(both, np.array([4000, 4000]))[0]
    np.testing.assert_array_equal(alone[0].numpy(), together[0].numpy())


def test_float32_under_every_policy():
    features, frames = LogMel(dtype="mixed_float16")(tf.zeros([1, 800]), tf.constant([800]))
    assert features.dtype == tf.float32
    assert frames.dtype == tf.int32
    np.testing.assert_allclose(features, np.log(1e-7), rtol=1e-6)


def test_a_batch_shorter_than_one_window_has_no_real_frame():
    features, frames = LogMel(bins=20)(np.ones((2, 100), np.float32), np.array([100, 50]))
    assert features.shape == (2, 1, 20)
    assert not features.numpy().any()
    assert frames.numpy().tolist() == [0, 0]
