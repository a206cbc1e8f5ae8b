"""Recordings that are decoded onto the disk."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from datasets import long_audio
from datasets.audio import read_audio
from datasets.errors import DataError
from datasets.long_audio import is_long, read_onto_disk


def speech_like(seconds, rate, channels=1):
    return (0.1 * np.random.default_rng(0).standard_normal((seconds * rate, channels))).astype(np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_the_same_samples_as_read_at_once(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    soundfile.write(tmp_path / f"a.{ending}", speech_like(5, 16000, 2), 16000)
    found, expected = read_onto_disk(tmp_path / f"a.{ending}"), read_audio(tmp_path / f"a.{ending}")
    assert len(found) == len(expected)
    np.testing.assert_array_equal(found[:], expected)
    np.testing.assert_array_equal(found[30_001:90_000], expected[30_001:90_000])
    assert found[len(expected) - 5 : len(expected) + 5].shape == (5,)


def test_another_rate_is_resampled_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    soundfile.write(tmp_path / "a.wav", speech_like(5, 44100), 44100)
    found, expected = read_onto_disk(tmp_path / "a.wav")[:], read_audio(tmp_path / "a.wav")
    assert abs(len(found) - len(expected)) <= 1
    count = min(len(found), len(expected))
    np.testing.assert_allclose(found[:count], expected[:count], atol=1e-4)


def test_memory_does_not_grow_with_the_length(tmp_path):
    """Ten minutes at 48 kHz are 115 MB of float32 samples; a block of 30 s and its copies are 6 MB each."""
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 48000, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(speech_like(10, 48000))
    tracemalloc.start()
    waveform = read_onto_disk(tmp_path / "a.wav")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(waveform) == pytest.approx(9_600_000, abs=2)
    assert peak < 30e6


def test_what_is_wrong_is_told_as_of_short_files(tmp_path, monkeypatch):
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(DataError, match=r"text\.wav: not a recording"):
        read_onto_disk(tmp_path / "text.wav")
    assert not is_long(tmp_path / "text.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(16000, np.nan), 16000, "FLOAT")
    with pytest.raises(DataError, match="not finite"):
        read_onto_disk(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "a.wav", speech_like(2, 16000), 16000)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut\.wav: truncated"):
        read_onto_disk(tmp_path / "cut.wav")
    monkeypatch.setattr(long_audio, "LONGEST", 1)
    assert is_long(tmp_path / "a.wav")
    monkeypatch.setattr(long_audio, "LONGEST_ON_DISK", 1)
    with pytest.raises(DataError, match=r"a\.wav: .* minutes, at most"):
        read_onto_disk(tmp_path / "a.wav")
