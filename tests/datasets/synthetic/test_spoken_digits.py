"""Synthetic speech: the same every time, and different where it should be."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from datasets.synthetic import spoken_digits

DIGEST = """
import hashlib
from datasets.synthetic import spoken_digits
made = spoken_digits.spoken_digits(12, 5)
print(hashlib.sha256(b"".join(u.samples.tobytes() for u in made)).hexdigest())
"""


def test_the_same_in_every_call_and_process():
    def digest():
        made = spoken_digits.spoken_digits(12, 5)
        return hashlib.sha256(b"".join(u.samples.tobytes() for u in made)).hexdigest()

    first = digest()
    spoken_digits.spoken_digits(5, 6)
    assert digest() == first
    answer = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == first


def test_seeds_give_other_utterances():
    first, second = spoken_digits.spoken_digits(12, 0), spoken_digits.spoken_digits(12, 1)
    assert [u.text for u in first] != [u.text for u in second]


def test_texts_speakers_and_sound():
    chosen = spoken_digits.speakers()[3:6]
    made = spoken_digits.spoken_digits(80, 0, longest=3, speakers=chosen)
    assert {u.speaker for u in made} == set(chosen)
    words = [u.text.split() for u in made]
    assert {len(row) for row in words} == {1, 2, 3}
    assert {word for row in words for word in row} == set(spoken_digits.WORDS)
    for utterance, row in zip(made, words, strict=True):
        assert utterance.samples.dtype == np.int16
        assert 0.2 < len(utterance.samples) / 16000 < 1.5 * len(row)
        assert 6000 < np.abs(utterance.samples.astype(int)).max() <= 32767
    longer = [np.mean([len(u.samples) for u in made if len(u.text.split()) == n]) for n in (1, 2, 3)]
    assert longer == sorted(longer)


def test_speakers_sound_different():
    """Any two of them differ more than one of them from call to call."""
    synthesiser = spoken_digits.Synthesiser()

    def spectrum(speaker):
        power = np.abs(np.fft.rfft(synthesiser.speak("three nine", speaker), 1 << 15)) ** 2
        bands = np.log(power[:12288].reshape(48, -1).sum(1))
        return bands - bands.mean()

    speakers = spoken_digits.speakers()
    first, second = ({speaker: spectrum(speaker) for speaker in speakers} for _ in range(2))
    assert len(set(speakers)) == len(speakers) == 42
    same = np.mean([np.abs(first[speaker] - second[speaker]).mean() for speaker in speakers])
    pairs = [np.abs(first[a] - first[b]).mean() for a in speakers for b in speakers if a < b]
    assert min(pairs) > 2 * same


@pytest.mark.parametrize(("slow", "fast"), [(100, 150), (120, 200)])
def test_speed(slow, fast):
    synthesiser = spoken_digits.Synthesiser()
    assert len(synthesiser.speak("seven", "en-US", slow)) > 1.2 * len(synthesiser.speak("seven", "en-US", fast))


def test_noise_level():
    clean, noisy = (spoken_digits.spoken_digits(4, 0, signal_to_noise_db=db) for db in (200.0, 10.0))
    for a, b in zip(clean, noisy, strict=True):
        noise = b.samples.astype(float) - a.samples
        ratio = 10 * np.log10(np.mean(a.samples.astype(float) ** 2) / np.mean(noise**2))
        assert ratio == pytest.approx(10, abs=0.6)


def test_unknown_voice():
    with pytest.raises(ValueError, match="xx-yy"):
        spoken_digits.Synthesiser().speak("one", "xx-yy+f2")
