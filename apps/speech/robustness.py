"""How word errors grow as test utterances get noisier, slower or faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from apps.speech import augment
from apps.speech.data import Utterances, played
from apps.speech.error_rates import word_errors
from harness.app import Metric
from harness.curves import draw_curve
from harness.sections import Picture
from harness.statistics import bootstrap_ratio

UTTERANCES = 60
"""Of the split, drawn once by SEED, that are made harder."""
SEED = 0

Transcribe = Callable[[Utterances], Sequence[str]]
"""Utterances -> the text of each one's best path."""


@dataclass(frozen=True)
class Perturbation:
    """One way to make utterances harder."""

    name: str
    apply: Callable[[np.ndarray, float, np.random.Generator, Sequence[np.ndarray]], np.ndarray]
    """(samples int16 [samples], strength, generator, other utterances of the split) -> int16 samples."""
    strengths: tuple[float, ...]
    unit: str
    """Of the strength, for an axis."""
    plain: tuple[float, str]
    """Where on that axis the utterance as it is stands, and what stands below it."""
    metric: str
    """Format of the metric's name, without wer_."""


def _with_white_noise(samples: np.ndarray, decibels: float, generator: np.random.Generator, others: Any) -> np.ndarray:
    return augment.within_range(augment.noisy(samples, augment.white(len(samples), generator), decibels))


def _with_babble(
    samples: np.ndarray, decibels: float, generator: np.random.Generator, others: Sequence[np.ndarray]
) -> np.ndarray:
    babble = augment.babble(len(samples), generator, others or [samples])
    return augment.within_range(augment.noisy(samples, babble, decibels))


def _at_speed(samples: np.ndarray, speed: float, generator: np.random.Generator, others: Any) -> np.ndarray:
    return played(samples, speed)


PERTURBATIONS = (
    Perturbation(
        "white noise", _with_white_noise, (20, 10, 5, 0), "speech over noise, dB", (30, "clean"), "white_noise_{:g}_db"
    ),
    Perturbation("babble", _with_babble, (20, 10, 5, 0), "speech over noise, dB", (30, "clean"), "babble_{:g}_db"),
    Perturbation("speed and pitch", _at_speed, (0.8, 0.9, 1.1, 1.2), "times as fast", (1.0, "1"), "speed_{:g}"),
)


def subset(count: int) -> np.ndarray:
    """Returns the places, in order, of at most 60 of `count` utterances; always the same."""
    return np.sort(np.random.default_rng(SEED).permutation(count)[:UTTERANCES])


def answers(transcribe: Transcribe, split: Utterances, places: np.ndarray, plain: Sequence[str]) -> np.ndarray:
    """Returns what is heard of some utterances under every perturbation at every strength.

    Args:
        places: int [m], of the utterances in the split; plain: what was heard of them as they are.

    Returns:
        fixed-width strings [m, perturbations, 1 + strengths]; the first strength is the utterance as it is.
    """
    chosen, found = split.subset(places), []
    others = [[*split.samples[:place], *split.samples[place + 1 :]] for place in places]
    for kind in PERTURBATIONS:
        heard = [plain]
        for strength in kind.strengths:
            generator = np.random.default_rng(SEED)
            rows = zip(chosen.samples, others, strict=True)
            harder = [kind.apply(samples, strength, generator, own) for samples, own in rows]
            heard.append(transcribe(replace(chosen, samples=harder)))
        found.append(heard)
    return np.moveaxis(np.array(found, np.str_), -1, 0)


def metrics(references: np.ndarray, answers: np.ndarray) -> dict[str, Metric]:
    """Returns the word error rate of these utterances as they are, and under every perturbation at every strength."""
    found = {"wer_as_recorded": _word_error_rate(references, answers[:, 0, 0])}
    for kind, given in zip(PERTURBATIONS, np.moveaxis(answers, 1, 0), strict=True):
        for strength, heard in zip(kind.strengths, given.T[1:], strict=True):
            found[f"wer_{kind.metric.format(strength)}"] = _word_error_rate(references, heard)
    return found


def _word_error_rate(references: np.ndarray, hypotheses: np.ndarray) -> Metric:
    """Returns it with its 95 % interval over utterances."""
    found = word_errors(references, hypotheses)
    wrong = found["substitutions"] + found["deletions"] + found["insertions"]
    rate = float(wrong.sum() / found["words"].sum())
    return Metric(rate, "fraction", len(references), bootstrap_ratio(wrong, found["words"]))


def curves(references: np.ndarray, answers: np.ndarray) -> Picture:
    """Draws the word error rate against the strength of every perturbation, with 95 % intervals over utterances."""
    rates = metrics(references, answers)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(PERTURBATIONS), sharey=True), PERTURBATIONS, strict=True):
        place, name = kind.plain
        points = {strength: rates[f"wer_{kind.metric.format(strength)}"] for strength in kind.strengths}
        points = sorted({**points, place: rates["wer_as_recorded"]}.items())
        strengths = [strength for strength, _ in points]
        low, high = np.array([metric.interval95 for _, metric in points]).T
        draw_curve(axes, kind.name, kind.unit, strengths, np.array([metric.value for _, metric in points]), low, high)
        axes.set_xticks(strengths, [name if strength == place else f"{strength:g}" for strength in strengths])
        if name == "clean":
            axes.invert_xaxis()
    axes.set_ylim(bottom=0)
    figure.supylabel("word error rate, %", fontsize=9)
    caption = (
        f"Best path, on {len(references)} test utterances (a fixed, seeded choice) made harder by one thing at a time; shaded: 95 % "
        "intervals. Noise is measured against the mean power of the whole utterance; babble is 3 to 6 other test utterances at once; "
        "speed changes the pitch as well. What the model heard in training of noise and other speeds, its settings say (--data)."
    )
    return Picture("Noise and speed", caption, figure)
