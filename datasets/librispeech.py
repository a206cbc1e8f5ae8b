"""Reader of LibriSpeech and mini LibriSpeech in their official layout: subset/reader/chapter/*.flac beside *.trans.txt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from datasets.errors import DataError
from datasets.fetch import data_folder

SAMPLE_RATE = 16000
NOTICE = "LibriSpeech (Panayotov et al. 2015), CC BY 4.0, https://www.openslr.org/12"
_STREAM_INFO = slice(8, 42)
"""Of a FLAC file: its format, length and the MD5 of its samples."""


@dataclass(frozen=True)
class LazySamples:
    """The samples of a FLAC file, int16, read anew each time they are looked at: a hundred hours stay on the disk."""

    path: Path
    count: int
    """As the file's head says; 0 where that cannot be read."""

    def __len__(self) -> int:
        return self.count

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        try:
            samples, rate = soundfile.read(self.path, dtype="int16")
        except (soundfile.SoundFileError, OSError) as error:
            raise DataError(f"{self.path}: not a FLAC file that can be read; unpack LibriSpeech again") from error
        if rate != SAMPLE_RATE or samples.shape != (self.count,):
            raise DataError(
                f"{self.path}: {samples.shape} samples at {rate} Hz, expected {self.count} at {SAMPLE_RATE} Hz; unpack LibriSpeech again"
            )
        return samples if dtype is None else samples.astype(dtype)

    def astype(self, dtype: Any) -> np.ndarray:
        """Returns the samples in another type."""
        return np.asarray(self).astype(dtype)


@dataclass(frozen=True)
class Utterance:
    """One line of a chapter's transcripts."""

    name: str
    """E.g. "669-129074-0000"."""
    speaker: str
    text: str
    """As published: capitals and apostrophes."""
    samples: LazySamples


def folder() -> Path:
    """Returns $DATASETS_DIR/LibriSpeech.

    Raises:
        DataError: it is not there.
    """
    place = data_folder() / "LibriSpeech"
    if not place.is_dir():
        raise DataError(
            f"{place} is not there; unpack any of train-clean-5, dev-clean-2, train-clean-100, dev-clean, test-clean "
            "(https://www.openslr.org/12 and /31) into it"
        )
    return place


def subsets(root: Path) -> list[str]:
    """Returns the names of the subsets that are there, e.g. dev-clean, train-clean-100."""
    return sorted(
        place.name for place in root.iterdir() if place.is_dir() and place.name[:4] in ("trai", "dev-", "test")
    )


def read_subset(root: Path, subset: str) -> tuple[list[Utterance], list[tuple[str, str]]]:
    """Reads a subset, chapter by chapter; its samples stay on the disk, and whether a file can be read to its end is not looked at.

    Returns:
        the utterances, and the name and the reason of each that was left out.

    Raises:
        DataError: no transcripts.
    """
    files = sorted((root / subset).glob("*/*/*.trans.txt"))
    if not files:
        raise DataError(f"{root / subset}: no reader/chapter/*.trans.txt in it; unpack LibriSpeech again")
    utterances: list[Utterance] = []
    left_out: list[tuple[str, str]] = []
    for file in files:
        recorded = {path.stem for path in file.parent.glob("*.flac")}
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            left_out += [(name, "transcript is not UTF-8") for name in sorted(recorded)]
            continue
        for line in filter(str.strip, lines):
            name, _, text = line.strip().partition(" ")
            if name in recorded:
                recorded.discard(name)
                utterances.append(Utterance(name, name.split("-")[0], text, _samples(file.parent / f"{name}.flac")))
            else:
                left_out.append((name, "missing file"))
        left_out += [(name, "missing transcript") for name in sorted(recorded)]
    return utterances, left_out


def _samples(path: Path) -> LazySamples:
    try:
        return LazySamples(path, soundfile.info(path).frames)
    except (soundfile.SoundFileError, OSError):
        return LazySamples(path, 0)


def digest(utterances: Sequence[Utterance]) -> str:
    """Returns a SHA-256 over names, transcripts and what each FLAC file's head says, the MD5 of its samples included."""
    total = hashlib.sha256()
    for utterance in utterances:
        with utterance.samples.path.open("rb") as stream:
            head = stream.read(_STREAM_INFO.stop)[_STREAM_INFO]
        total.update(f"{utterance.name} {utterance.text}\n".encode() + head)
    return total.hexdigest()
