"""Words and their numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ("<padding>", "<start>", "<end>", "<unknown>")
WORD = re.compile(r"\w+(?:[-']\w+)*")


def tokenize(caption: str) -> tuple[str, ...]:
    """Returns the words of a caption in lower case, without punctuation; scores are counted on the same words."""
    return tuple(WORD.findall(caption.lower().replace("’", "'")))


def make_vocabulary(captions: Iterable[Sequence[str]], least_count: int) -> list[str]:
    """Returns the four special words and every word that stands often enough in the training captions.

    Args:
        captions: tokenized.
        least_count: times a word must occur.
    """
    counts = Counter(word for caption in captions for word in caption)
    kept = [word for word, count in counts.items() if count >= least_count]
    return [*SPECIAL, *sorted(kept, key=lambda word: (-counts[word], word))]


def encode(captions: Sequence[Sequence[str]], vocabulary: Sequence[str], longest: int) -> np.ndarray:
    """Returns word numbers int32 [captions, longest + 2]: start, words, end, then padding.

    A longer caption is cut and has no end: where it would have stopped is not known.
    """
    numbers = {word: number for number, word in enumerate(vocabulary)}
    encoded = np.full((len(captions), longest + 2), PADDING, np.int32)
    for row, caption in zip(encoded, captions, strict=True):
        sentence = [START, *(numbers.get(word, UNKNOWN) for word in caption), END][: longest + 2]
        if len(caption) > longest:
            sentence = sentence[: longest + 1]
        row[: len(sentence)] = sentence
    return encoded
