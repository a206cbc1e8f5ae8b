"""Simulated EEG: a rhythm of known place and frequency in 1/f noise that is mixed over the scalp. Made, not recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.montage import positions
from datasets.uci_eeg import ELECTRODES, NOT_ON_THE_SCALP

SAMPLE_RATE = 256
SAMPLES = 256
NOISE_DEVIATION = 8e-6
"""Volts, at an electrode, over all subjects."""
SOURCE_WIDTH = 0.6
"""Radians of arc over which a source's field falls to exp(-1/2)."""


@dataclass(frozen=True)
class Rhythm:
    """What marks a class: where the source is, and its frequency."""

    name: str
    electrode: str
    """The site above the source."""
    hertz: float
    microvolts: float
    """Amplitude of the sine at that site."""


RHYTHMS = (
    Rhythm("frontal theta", "FZ", 5.5, 14.0),
    Rhythm("left central beta", "C3", 20.0, 7.0),
    Rhythm("occipital alpha", "OZ", 10.0, 10.0),
)


@dataclass(frozen=True)
class SimulatedTrials:
    """One-second recordings in the form of `datasets.uci_eeg.Trials`."""

    signals: np.ndarray
    """float32 [trials, 64, 256] in volts."""
    labels: np.ndarray
    """int64 [trials], indices into RHYTHMS."""
    subjects: np.ndarray
    """str [trials]."""


def simulate(subjects: int = 8, trials: int = 48, seed: int = 0) -> SimulatedTrials:
    """Makes `trials` recordings of each of `subjects` simulated people, the classes in turn; the same seed gives the same bytes.

    A subject has a noise mixing, an amplitude and slightly moved frequencies of their own; a trial has a random phase, and a
    random share of the rhythm's amplitude (0.5 to 1.5).
    """
    scalp = [place for place, name in enumerate(ELECTRODES) if name not in NOT_ON_THE_SCALP]
    names = [ELECTRODES[place] for place in scalp]
    points = np.array(positions(names))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    arc = np.arccos(np.clip(points @ points.T, -1, 1))
    fields = np.exp(-0.5 * (arc / SOURCE_WIDTH) ** 2)
    signals, labels, people = [], [], []
    for number in range(subjects):
        generator = np.random.default_rng([seed, number])
        kinds = np.arange(trials) % len(RHYTHMS)
        volts = np.empty((trials, len(ELECTRODES), SAMPLES))
        noise = _mixed_noise(generator, trials, fields)
        volts[:, scalp] = noise + _rhythms(generator, kinds, fields, names)
        others = [place for place in range(len(ELECTRODES)) if place not in scalp]
        volts[:, others] = NOISE_DEVIATION * _pink(generator, (trials, len(others)))
        signals.append((volts * np.exp(generator.normal(0, 0.2))).astype(np.float32))
        labels.append(kinds)
        people += [f"simulated-{number + 1:02d}"] * trials
    return SimulatedTrials(np.concatenate(signals), np.concatenate(labels).astype(np.int64), np.array(people))


def _pink(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns noise [*shape, SAMPLES] of unit variance whose power falls as 1/f."""
    frequency = np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE)
    spectrum = generator.normal(size=(*shape, len(frequency))) + 1j * generator.normal(size=(*shape, len(frequency)))
    spectrum[..., 0] = 0
    spectrum[..., 1:] /= np.sqrt(frequency[1:])
    noise = np.fft.irfft(spectrum, SAMPLES)
    return noise / noise.std(axis=-1, keepdims=True)


def _mixed_noise(generator: np.random.Generator, trials: int, fields: np.ndarray) -> np.ndarray:
    electrodes = len(fields)
    mixing = fields * generator.lognormal(0, 0.5, electrodes)
    mixing *= NOISE_DEVIATION / np.sqrt((mixing**2).sum(axis=1).mean())
    return mixing @ _pink(generator, (trials, electrodes)) + 0.2 * NOISE_DEVIATION * _pink(
        generator, (trials, electrodes)
    )


def _rhythms(generator: np.random.Generator, kinds: np.ndarray, fields: np.ndarray, names: list[str]) -> np.ndarray:
    times = np.arange(SAMPLES) / SAMPLE_RATE
    moved = [rhythm.hertz * generator.uniform(0.95, 1.05) for rhythm in RHYTHMS]
    signals = np.empty((len(kinds), len(names), SAMPLES))
    for trial, kind in enumerate(kinds):
        rhythm = RHYTHMS[kind]
        amplitude = 1e-6 * rhythm.microvolts * generator.uniform(0.5, 1.5)
        wave = amplitude * np.sin(2 * np.pi * (moved[kind] * times + generator.uniform()))
        signals[trial] = fields[names.index(rhythm.electrode)][:, None] * wave
    return signals
