"""Noise and reverberation for training utterances: functions of samples and a seeded generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft, signal

from apps.speech.config import DataConfig
from apps.speech.models.front_end import SAMPLE_RATE
from datasets.errors import DataError

SPEEDS = (0.5, 2.0)
"""Lowest and highest speed at which training utterances can be played."""
TALKERS = (3, 7)
"""Voices in babble: from the first number to one less than the second."""
DIRECT_TO_REVERBERANT = (0.0, 12.0)
"""Decibels between the direct sound and everything that comes after it."""
_LOUDEST = 32767.0


def white(count: int, generator: np.random.Generator) -> np.ndarray:
    """Returns noise of equal power at all frequencies, float32 [count]."""
    return generator.standard_normal(count, np.float32)


def pink(count: int, generator: np.random.Generator) -> np.ndarray:
    """Returns noise whose power falls by 3 dB an octave, float32 [count]; nothing below 20 Hz."""
    length = fft.next_fast_len(count, real=True)
    spectrum = fft.rfft(white(length, generator))
    hertz = np.arange(len(spectrum), dtype=np.float32) * (SAMPLE_RATE / length)
    spectrum *= np.where(hertz < 20.0, 0.0, 1.0 / np.sqrt(np.maximum(hertz, 20.0))).astype(np.float32)
    return fft.irfft(spectrum, length)[:count]


def babble(count: int, generator: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Returns several voices at equal power speaking at once, each from a random place on and over again, float32 [count].

    Args:
        voices: int16 [samples] each; some of them, with repetition, are taken.
    """
    total = np.zeros(count, np.float32)
    for place in generator.integers(len(voices), size=generator.integers(*TALKERS)):
        voice = voices[place].astype(np.float32)
        turned = np.resize(np.roll(voice, -int(generator.integers(len(voice)))), count)
        total += turned / max(1e-3, _effective(turned))
    return total


def noisy(samples: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Returns speech with noise so many decibels below it (mean power of the whole utterance), float32 [samples]."""
    speech = samples.astype(np.float32)
    return speech + noise * (_effective(speech) / max(1e-9, _effective(noise)) * 10.0 ** (-decibels / 20.0))


def impulse_response(seconds: float, decibels: float, generator: np.random.Generator) -> np.ndarray:
    """Returns a room's answer to a click, float32: 1, then white noise that decays by 60 dB in `seconds`.

    Args:
        seconds: reverberation time.
        decibels: energy of the direct sound over that of the rest.

    Source: Polack, "La transmission de l'énergie sonore dans les salles", thesis, Le Mans 1988.
    """
    times = np.arange(1, max(2, round(seconds * SAMPLE_RATE)), dtype=np.float32) / SAMPLE_RATE
    rest = white(len(times), generator) * np.float32(10.0) ** (-3.0 * times / np.float32(seconds))
    rest *= 10.0 ** (-decibels / 20.0) / np.sqrt(np.sum(rest**2))
    return np.concatenate([np.ones(1, np.float32), rest])


def reverberated(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Returns speech as a room answers it, float32, as long as before and at the same times (the direct sound is not delayed)."""
    return signal.oaconvolve(samples.astype(np.float32), response)[: len(samples)]


def varied(
    samples: np.ndarray, settings: DataConfig, voices: Sequence[np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """Returns an utterance with the reverberation and the noise that chance gives it, int16 [samples].

    The room comes first: it answers the speech, not the noise. What would be clipped is made quieter as a whole.

    Args:
        samples: int16 [samples] at 16 kHz.
        voices: training utterances to draw babble from.
    """
    changed = samples
    if generator.random() < settings.reverberation_share:
        response = impulse_response(
            generator.uniform(*settings.reverberation_seconds), generator.uniform(*DIRECT_TO_REVERBERANT), generator
        )
        changed = reverberated(changed, response)
    if generator.random() < settings.noise_share:
        changed = noisy(
            changed, _noise(settings, len(changed), voices, generator), generator.uniform(*settings.noise_snr)
        )
    return samples if changed is samples else within_range(changed)


def within_range(samples: np.ndarray) -> np.ndarray:
    """Returns samples as int16; what would be clipped is made quieter as a whole."""
    return np.round(samples * min(1.0, _LOUDEST / max(1.0, float(np.abs(samples).max())))).astype(np.int16)


def _noise(
    settings: DataConfig, count: int, voices: Sequence[np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    match settings.noises[generator.integers(len(settings.noises))]:
        case "white":
            return white(count, generator)
        case "pink":
            return pink(count, generator)
        case _:
            return babble(count, generator, voices)


def check(settings: DataConfig) -> None:
    """Checks the settings of speeds, noise and reverberation.

    Raises:
        DataError: speeds at which nobody speaks, a range that is none, or no kind of noise to draw from.
    """
    low, high = SPEEDS
    if not settings.speeds or not all(low <= speed <= high for speed in settings.speeds):
        said = " ".join(map(str, settings.speeds)) or "without a number"
        raise DataError(f"--data.speeds {said}: expected numbers from {low:g} to {high:g}")
    for name in ("noise_snr", "reverberation_seconds"):
        low, high = getattr(settings, name)
        if low > high:
            raise DataError(f"--data.{name.replace('_', '-')} {low} {high}: expected the lower number first")
    if settings.reverberation_share and settings.reverberation_seconds[0] <= 0.0:
        raise DataError("--data.reverberation-seconds: expected numbers above 0")
    if settings.noise_share and not settings.noises:
        raise DataError("--data.noise-share without --data.noises: name white, pink or babble")


def _effective(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else 0.0
