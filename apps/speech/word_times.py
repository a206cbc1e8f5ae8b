"""When each word of a text was said, and how sure the model is of it."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np


@dataclass(frozen=True)
class Word:
    """A word in time."""

    text: str
    start: float
    """Seconds from the beginning of the sound."""
    end: float
    confidence: float
    """0 to 1: geometric mean, over its characters, of each one's highest probability within its frames. The model's own, before
    any language model: low where that overruled it."""


def word_times(
    log_probabilities: np.ndarray, labels: np.ndarray, characters: list[str], seconds_per_frame: float
) -> list[Word]:
    """Returns the words of a text on its most probable path; a word begins and ends with its first and last character's spike.

    Args:
        log_probabilities: [frames, characters + 1] in nats, the blank last; labels: the text's classes.

    Raises:
        ValueError: the text does not fit into so few frames.

    >>> path = np.log(np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]]))
    >>> [word] = word_times(path, np.array([0, 1]), ["a", "b"], 0.04)
    >>> word.text, word.start, word.end, round(word.confidence, 3)
    ('ab', 0.04, 0.16, 0.748)
    """
    values = np.ascontiguousarray(log_probabilities, np.float64)
    labels = np.asarray(labels, np.int32)
    starts, ends = align(values, labels)
    words, first = [], 0
    for place in range(len(labels) + 1):
        if place < len(labels) and characters[labels[place]] != " ":
            continue
        own = range(first, place)
        first = place + 1
        if not own:
            continue
        highest = [values[starts[i] : ends[i], labels[i]].max() for i in own]
        words.append(
            Word(
                text="".join(characters[labels[i]] for i in own),
                start=float(starts[own[0]] * seconds_per_frame),
                end=float(ends[own[-1]] * seconds_per_frame),
                confidence=float(np.exp(np.mean(highest))),
            )
        )
    return words


def align(log_probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first frame of each label on the most probable path, and the one behind its last, int64 [labels] each.

    Raises:
        ValueError: fewer frames than the labels and the blanks between equal ones need.
    """
    needed = len(labels) + int(np.sum(labels[1:] == labels[:-1]))
    if needed > len(log_probabilities):
        raise ValueError(f"{len(labels)} characters need {needed} frames, there are {len(log_probabilities)}")
    path = _best_path(log_probabilities, labels)
    frames = [np.flatnonzero(path == 2 * place + 1) for place in range(len(labels))]
    return np.array([own[0] for own in frames], int), np.array([own[-1] + 1 for own in frames], int)


@numba.njit(cache=True)
def _best_path(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns each frame's place among blank, label, blank, label, ..., blank (Viterbi)."""
    frames, blank, places = values.shape[0], values.shape[1] - 1, 2 * len(labels) + 1
    path = np.zeros(frames, np.int64)
    if frames == 0:
        return path
    steps = np.zeros((frames, places), np.int8)
    scores = np.full(places, -np.inf)
    scores[0] = values[0, blank]
    if places > 1:
        scores[1] = values[0, labels[0]]
    reachable = np.arange(places) < 2  # told apart from impossible sound: -inf is no reason to leave the topology
    for frame in range(1, frames):
        before, could = scores.copy(), reachable.copy()
        for place in range(places):
            label = blank if place % 2 == 0 else labels[place // 2]
            skips = place % 2 == 1 and place > 1 and labels[place // 2] != labels[place // 2 - 1]
            best, step, known = before[place], 0, could[place]
            for back in range(1, 3 if skips else 2):
                other = place - back
                if other >= 0 and could[other] and (not known or before[other] > best):
                    best, step, known = before[other], back, True
            scores[place], steps[frame, place], reachable[place] = best + values[frame, label], step, known
    place = places - 1
    if places > 1 and (not reachable[place] or scores[places - 2] > scores[place]):
        place = places - 2
    for frame in range(frames - 1, -1, -1):
        path[frame] = place
        place -= steps[frame, place]
    return path
