"""Cepstra, Deltas and StackFrames against librosa, and their independence from padding."""

import librosa
import numpy as np
import pytest

from shared_layers.audio.cepstra import Cepstra
from shared_layers.audio.deltas import Deltas
from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.stack_frames import StackFrames

LENGTHS = np.array([40, 23, 3, 1])


def features(frames=40):
    return np.random.default_rng(0).standard_normal((4, frames, 6)).astype(np.float32)


def assert_padding_does_not_matter(layer):
    output = layer(features(), LENGTHS)
    dirty = np.concatenate([features(), np.full((4, 7, 6), np.nan, np.float32)], axis=1)
    for row, length in zip(dirty, LENGTHS, strict=True):
        row[length:] = np.nan
    again = layer(dirty, LENGTHS)
    if isinstance(output, tuple):
        np.testing.assert_array_equal(output[1], again[1])
        output, again = output[0], again[0]
    np.testing.assert_array_equal(np.array(again)[:, : output.shape[1]], output)
    assert not np.array(again)[:, output.shape[1] :].any()


@pytest.mark.parametrize("coefficients", [13, 20])
def test_cepstra_equal_librosa(coefficients):
    generator = np.random.default_rng(1)
    log_mel = generator.normal(-5, 3, (1, 30, 40)).astype(np.float32)
    expected = librosa.feature.mfcc(S=log_mel[0].T, n_mfcc=coefficients).T
    np.testing.assert_allclose(np.array(Cepstra(coefficients)(log_mel))[0], expected, atol=1e-4)


def test_mfcc_of_a_sound_equal_librosa_from_the_samples_on():
    """Within 0.03, where the triangles stand on the mel axis and not on that of frequencies (LogMel), of a range of 25."""
    times = np.arange(12_000) / 16_000
    sound = 0.2 * np.sin(2 * np.pi * 300 * times * (1 + times)) + 0.02 * np.random.default_rng(0).standard_normal(
        12_000
    )
    sound = sound.astype(np.float32)
    expected = librosa.feature.mfcc(
        S=np.log(librosa.feature.melspectrogram(
            y=np.pad(sound, 56), sr=16_000, n_fft=512, hop_length=160, win_length=400, center=False, n_mels=80, fmin=20,
            fmax=8000, htk=True, norm=None, power=2.0,
        ) + 1e-10), n_mfcc=13,
    ).T  # fmt: skip
    log_mel, _ = LogMel(bins=80, floor=1e-10)(sound[None], np.array([12_000]))
    found = np.array(Cepstra(13)(log_mel))[0]
    assert np.ptp(expected) > 25
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_more_coefficients_than_bands_are_refused():
    with pytest.raises(ValueError, match="7 cepstral coefficients of 6 mel bands"):
        Cepstra(7)(features())


@pytest.mark.parametrize("width", [3, 9])
def test_deltas_equal_librosa_on_each_sequence_alone(width):
    output = np.array(Deltas(orders=2, width=width)(features(), LENGTHS))
    for row, length, result in zip(features(), LENGTHS, output, strict=True):
        expected = [row[:length].T] + [
            librosa.feature.delta(row[:length].T, width=width, order=order, mode="nearest") for order in (1, 2)
        ]
        np.testing.assert_allclose(result[:length], np.concatenate(expected).T, atol=1e-5)
        assert not result[length:].any()
    np.testing.assert_array_equal(np.array(Deltas(orders=1, width=width)(features(), LENGTHS)), output[:, :, :12])


@pytest.mark.parametrize(("orders", "width"), [(3, 9), (1, 4), (1, 1)])
def test_deltas_refuse_what_makes_no_sense(orders, width):
    with pytest.raises(ValueError, match="expected"):
        Deltas(orders=orders, width=width)


def test_stacked_frames_equal_librosa():
    output, lengths = StackFrames(before=3)(features(), LENGTHS)
    for row, length, result in zip(features(), LENGTHS, np.array(output), strict=True):
        newest_first = librosa.feature.stack_memory(row[:length].T, n_steps=4).T.reshape(length, 4, 6)
        np.testing.assert_array_equal(result[:length], newest_first[:, ::-1].reshape(length, 24))
    np.testing.assert_array_equal(lengths, LENGTHS)


def test_stacked_and_subsampled_by_hand():
    sequences = np.arange(1.0, 9.0, dtype=np.float32)[None, :, None]
    output, lengths = StackFrames(before=1, after=2, stride=3)(sequences, np.array([7]))
    assert np.array(output)[0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 0, 0]]
    assert np.array(lengths).tolist() == [3]


@pytest.mark.parametrize("layer", [Deltas(), StackFrames(2, 3, 2), StackFrames(7, 0, 3)], ids=lambda layer: layer.name)
def test_padding_does_not_matter(layer):
    assert_padding_does_not_matter(layer)
