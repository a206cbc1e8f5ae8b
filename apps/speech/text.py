"""Transcripts as characters: normalisation, and class numbers with the blank last."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def normalised(text: str) -> str:
    """Returns a transcript in the form that is learnt and scored: small letters, apostrophes, single spaces.

    >>> normalised("Don’t STOP,  Zoë-Ann!")
    "don't stop zoë ann"
    """
    text = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    kept = "".join(c if c.isalnum() or c == "'" or unicodedata.category(c).startswith("M") else " " for c in text)
    return " ".join(kept.split())


def alphabet(texts: Iterable[str]) -> list[str]:
    """Returns the characters of normalised training texts, sorted; a character's place is its class, the blank follows the last."""
    return sorted(set("".join(texts)))


def labels(text: str, characters: list[str]) -> list[int]:
    """Returns the classes of a normalised text; a character that training never showed is left out.

    >>> labels("abx", ["a", "b"])
    [0, 1]
    """
    places = {character: place for place, character in enumerate(characters)}
    return [places[character] for character in text if character in places]
