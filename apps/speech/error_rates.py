"""Edit distances of words and of characters, utterance by utterance."""

from __future__ import annotations

import jiwer
import numpy as np


def word_errors(references: np.ndarray, hypotheses: np.ndarray) -> dict[str, np.ndarray]:
    """Returns substitutions, deletions, insertions and words (of the reference), int64 [n] each."""
    rows = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        found = jiwer.process_words(str(reference), str(hypothesis))
        words = found.hits + found.substitutions + found.deletions
        rows.append((found.substitutions, found.deletions, found.insertions, words))
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return dict(zip(("substitutions", "deletions", "insertions", "words"), columns, strict=True))


def character_errors(references: np.ndarray, hypotheses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the character edit distances and the characters of the references, int64 [n] each; spaces count."""
    rows = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        found = jiwer.process_characters(str(reference), str(hypothesis))
        errors = found.substitutions + found.deletions + found.insertions
        rows.append((errors, found.hits + found.substitutions + found.deletions))
    errors, characters = np.array(rows, np.int64).reshape(-1, 2).T
    return errors, characters
