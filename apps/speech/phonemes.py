"""Transcripts as phonemes, each one character: ARPAbet's one-letter codes, with a space between words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

CODES = {
    "AA": "a", "AE": "@", "AH": "A", "AO": "c", "AW": "W", "AY": "Y", "EH": "E", "ER": "R", "EY": "e", "IH": "I", "IY": "i",
    "OW": "o", "OY": "O", "UH": "U", "UW": "u", "B": "b", "CH": "C", "D": "d", "DH": "D", "F": "f", "G": "g", "HH": "h",
    "JH": "J", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "G", "P": "p", "R": "r", "S": "s", "SH": "S", "T": "t", "TH": "T",
    "V": "v", "W": "w", "Y": "y", "Z": "z", "ZH": "Z",
}  # fmt: skip
"""Two-letter ARPAbet, as dictionaries write it -> one letter (Shoup, "Phonological aspects of speech recognition", 1980)."""


def pronounced(transcript: str, dictionary: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Returns the phonemes of a transcript.

    A word of one letter is that letter's name, which dictionaries list last; any other takes its first pronunciation.

    Args:
        transcript: words separated by spaces.
        dictionary: word in capitals -> its pronunciations, each the two-letter codes of its phonemes.

    Raises:
        ValueError: a word or a phoneme that is not listed.

    >>> pronounced("a two", {"A": [["AH"], ["EY"]], "TWO": [["T", "UW"]]})
    'e tu'
    """
    words = []
    for word in transcript.upper().split():
        listed = dictionary.get(word)
        if not listed:
            raise ValueError(f"no pronunciation of {word}")
        chosen = listed[-1] if len(word) == 1 else listed[0]
        unknown = [phoneme for phoneme in chosen if phoneme not in CODES]
        if unknown:
            raise ValueError(f"{word} is pronounced with {', '.join(unknown)}, which is not ARPAbet")
        words.append("".join(CODES[phoneme] for phoneme in chosen))
    return " ".join(words)
