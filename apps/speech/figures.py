"""The speech app's part of a report."""

from __future__ import annotations

from typing import Any

import jiwer
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from apps.speech import robustness
from apps.speech.config import Config
from apps.speech.data import Utterances
from apps.speech.error_rates import character_errors, word_errors
from apps.speech.models.front_end import SAMPLE_RATE, window_and_hop
from harness.app import Predictions, Prepared
from harness.sections import Picture, Sound, Table

SHOWN = 3
"""Posteriorgrams."""
WORST = 6
"""Utterances heard worst."""


def figures(
    config: Config, spec: dict[str, Any], model: Any, prepared: Prepared | None, predictions: Predictions
) -> list[Any]:
    """Returns the posteriorgrams, the curves of robustness, the table of speakers, the confusions and the utterances heard worst."""
    sections: list[Any] = []
    split = None if prepared is None else prepared.splits["test"]
    if model is not None and split is not None:
        for place in _typical(predictions):
            sections.append(_posteriorgram(config, spec, model, split, place))
    if "hypotheses_perturbed" in predictions:
        references = predictions["references"][predictions["subset"]]
        sections.append(robustness.curves(references, predictions["hypotheses_perturbed"]))
    sections.append(_speakers(predictions))
    sections.append(_confusions(predictions))
    return [*sections, *_worst(predictions, split)]


def _wrong(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Returns the word errors and the words of each utterance."""
    found = word_errors(predictions["references"], predictions["hypotheses"])
    return found["substitutions"] + found["deletions"] + found["insertions"], found["words"]


def _typical(predictions: Predictions) -> list[int]:
    """Returns utterances of middling length: one heard right, one in between, one heard badly."""
    wrong, words = _wrong(predictions)
    rates = wrong / words
    middling = np.argsort(np.abs(predictions["seconds"] - np.median(predictions["seconds"])), kind="stable")
    middling = middling[: max(SHOWN, len(middling) // 3)]
    ranked = middling[np.argsort(rates[middling], kind="stable")]
    return [int(ranked[place]) for place in dict.fromkeys((0, len(ranked) // 2, len(ranked) - 1))]


def _posteriorgram(config: Config, spec: dict[str, Any], model: Any, split: Utterances, place: int) -> Picture:
    """Log-mel above, the probability of each character over time below (Graves et al. 2006, figure 1)."""
    samples = split.samples[place].astype(np.float32)[None] / 32768.0
    lengths = np.array([samples.shape[1]], np.int32)
    log_mel = getattr(model, "encoder", model).get_layer("log_mel")
    features = log_mel(samples, lengths)[0][0].numpy()
    outputs = model({"waveforms": tf.constant(samples), "lengths": tf.constant(lengths)}, training=False)
    panels = {"": outputs["logits"]}
    if "ctc_logits" in outputs:
        panels = {"framewise ": outputs["logits"], "CTC ": outputs["ctc_logits"]}
    _, hop = window_and_hop(config.features)
    seconds = len(features) * hop / SAMPLE_RATE
    figure = Figure(figsize=(9, 2.2 + 2.0 * len(panels)), layout="constrained")
    above, *below = figure.subplots(1 + len(panels), 1, sharex=True)
    above.imshow(features.T, origin="lower", aspect="auto", extent=(0, seconds, 0, features.shape[1]), cmap="magma")
    above.set_ylabel("mel band")
    for axes, (name, logits) in zip(below, panels.items(), strict=True):
        _spikes(axes, tf.nn.softmax(logits)[0].numpy(), seconds, spec["characters"])
        axes.set(ylabel=f"{name}probability", ylim=(0, 1.2), xlim=(0, seconds))
    below[-1].set_xlabel("time (s)")
    caption = (
        "Log-mel features, and what the model gives each character over time; dashed: the blank. "
        f"The name of a character stands on its spike (␣: space)."
        f"{' A framewise classifier beside the CTC model that labelled its frames.' if len(panels) > 1 else ''} Said: “{split.texts[place]}”."
    )
    return Picture(f"Spikes: {split.names[place]}", caption, figure)


def _spikes(axes: Any, probabilities: np.ndarray, seconds: float, characters: list[str]) -> None:
    """Draws the probability of each class that is once the best one, the blank dashed."""
    times = (np.arange(len(probabilities)) + 0.5) * seconds / len(probabilities)
    axes.plot(times, probabilities[:, -1], color="0.75", linestyle="--", linewidth=1)
    for character in sorted(set(probabilities.argmax(-1)) - {len(characters)}):
        axes.plot(times, probabilities[:, character], linewidth=1.2)
    _name_spikes(axes, times, probabilities, characters)


def _name_spikes(axes: Any, times: np.ndarray, probabilities: np.ndarray, characters: list[str]) -> None:
    best = probabilities.argmax(-1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(best)], strict=True):
        label = best[start]
        if label == len(characters):
            continue
        peak = start + int(probabilities[start:end, label].argmax())
        name = "␣" if characters[label] == " " else characters[label]
        axes.annotate(name, (times[peak], probabilities[peak, label]), ha="center", va="bottom", fontsize=8)


def _speakers(predictions: Predictions) -> Table:
    wrong, words = _wrong(predictions)
    characters_wrong, characters = character_errors(predictions["references"], predictions["hypotheses"])
    rows = []
    for speaker in np.unique(predictions["speakers"]):
        own = predictions["speakers"] == speaker
        rows.append(
            [
                str(speaker) or "unknown",
                int(own.sum()),
                int(words[own].sum()),
                f"{100 * wrong[own].sum() / words[own].sum():.1f} %",
                f"{100 * characters_wrong[own].sum() / characters[own].sum():.1f} %",
                f"{100 * predictions['blank_share'][own].mean():.0f} %",
            ]
        )
    columns = ["speaker", "utterances", "words", "word errors", "character errors", "blank frames"]
    return Table("Speakers", "Best path. Blank frames: where the blank is the most probable class.", columns, rows)


def _confusions(predictions: Predictions) -> Table:
    """The commonest word errors."""
    counts: dict[tuple[str, str, str], int] = {}
    for reference, hypothesis in zip(predictions["references"], predictions["hypotheses"], strict=True):
        found = jiwer.process_words(str(reference), str(hypothesis))
        said, heard = found.references[0], found.hypotheses[0]
        for chunk in found.alignments[0]:
            if chunk.type == "equal":
                continue
            left = said[chunk.ref_start_idx : chunk.ref_end_idx]
            right = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
            for i in range(max(len(left), len(right))):
                pair = (chunk.type, left[i] if i < len(left) else "", right[i] if i < len(right) else "")
                counts[pair] = counts.get(pair, 0) + 1
    kinds = {"substitute": "substituted", "delete": "left out", "insert": "inserted"}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:15]
    rows = [[kinds[kind], said, heard, count] for (kind, said, heard), count in ranked]
    return Table("Commonest word errors", "Best path.", ["error", "said", "heard", "times"], rows)


def _worst(predictions: Predictions, split: Utterances | None) -> list[Any]:
    """The utterances with the highest word error rate, word under word, and their sound."""
    wrong, words = _wrong(predictions)
    order = np.lexsort((-wrong, -wrong / words))
    order = [int(i) for i in order if wrong[i]][:WORST]
    rows, sounds = [], []
    for i in order:
        said, heard = aligned(str(predictions["references"][i]), str(predictions["hypotheses"][i]))
        rows.append([str(predictions["names"][i]), f"{wrong[i]} of {words[i]}", said, heard])
        if split is not None:
            waveform = split.samples[i].astype(np.float32) / 32768.0
            caption = f"Said: “{predictions['references'][i]}”. Heard: “{predictions['hypotheses'][i]}”."
            sounds.append(Sound(str(predictions["names"][i]), caption, waveform, SAMPLE_RATE))
    caption = "Best path. Errors in capitals; *** stands for a word left out or inserted."
    return [Table("Heard worst", caption, ["utterance", "word errors", "said", "heard"], rows), *sounds]


def aligned(reference: str, hypothesis: str) -> tuple[str, str]:
    """Returns both sentences with as many words: errors in capitals, *** where the other side has a word more.

    >>> aligned("go to two", "go two two b")
    ('go TO two ***', 'go TWO two B')
    """
    found = jiwer.process_words(reference, hypothesis)
    said, heard = found.references[0], found.hypotheses[0]
    above, below = [], []
    for chunk in found.alignments[0]:
        left = said[chunk.ref_start_idx : chunk.ref_end_idx]
        right = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type != "equal":
            left, right = [word.upper() for word in left], [word.upper() for word in right]
        width = max(len(left), len(right))
        above += left + ["***"] * (width - len(left))
        below += right + ["***"] * (width - len(right))
    return " ".join(above), " ".join(below)
