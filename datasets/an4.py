"""Reader of the CMU AN4 speech database in its official layout (etc/, wav/an4_clstk, wav/an4test_clstk)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from datasets.audio import read_audio
from datasets.errors import DataError
from datasets.fetch import Download, ensure, sha256_of

SAMPLE_RATE = 16000
NOTICE = "CMU AN4 speech database, Alejandro Acero, Carnegie Mellon University, 1991; BSD-style licence"
_ADDRESS = "http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz"
_LISTS = tuple(f"etc/an4_{split}.{kind}" for split in ("train", "test") for kind in ("fileids", "transcription"))
_TRANSCRIPT = re.compile(r"(?:<s>\s*)?(?P<text>.*?)(?:\s*</s>)?\s*\((?P<name>[^()\s]+)\)")


@dataclass(frozen=True)
class Utterance:
    """One line of AN4's lists."""

    name: str
    """E.g. "an251-fash-b"."""
    speaker: str
    """E.g. "fash"; the first letter is f or m."""
    text: str
    """As published: capitals, words separated by single spaces, without <s> and </s>."""
    path: Path
    """The SPHERE file."""


def folder() -> Path:
    """Returns AN4's folder, downloading it when it is not there.

    Raises:
        DataError: absent, and it cannot be downloaded.
    """
    return ensure("an4", _LISTS, [Download(_ADDRESS, checksum=None, unpack_to="..")])


def read_list(root: Path, split: Literal["train", "test"]) -> list[Utterance]:
    """Returns the utterances of one official list, in its order.

    Raises:
        DataError: the two files of the list disagree, or a recording is missing.
    """
    places = (root / f"etc/an4_{split}.fileids").read_text(encoding="ascii", errors="replace").split()
    file = root / f"etc/an4_{split}.transcription"
    lines = [line for line in file.read_text(encoding="ascii", errors="replace").splitlines() if line.strip()]
    if len(places) != len(lines):
        raise DataError(f"{file}: {len(lines)} transcripts for {len(places)} recordings; unpack AN4 again")
    utterances = []
    for row, (place, line) in enumerate(zip(places, lines, strict=True), start=1):
        match = _TRANSCRIPT.fullmatch(line.strip())
        name = place.rsplit("/", 1)[-1]
        if not match or match["name"] != name:
            raise DataError(f"{file} row {row}: {line.strip()!r} is not a transcript of {name}; unpack AN4 again")
        path = root / "wav" / f"{place}.sph"
        if not path.is_file():
            raise DataError(f"{path}: listed by AN4 but absent; unpack AN4 again")
        utterances.append(Utterance(name, place.split("/")[-2], " ".join(match["text"].split()), path))
    return utterances


def pronunciations(root: Path) -> dict[str, list[list[str]]]:
    """Returns AN4's dictionary: word in capitals -> its pronunciations in the order listed, each the ARPAbet of its phonemes.

    Raises:
        DataError: absent or damaged.
    """
    file = root / "etc/an4.dic"
    if not file.is_file():
        raise DataError(f"{file}: the pronouncing dictionary is absent; unpack AN4 again")
    found: dict[str, list[list[str]]] = {}
    for row, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) < 2:
            raise DataError(f"{file} row {row}: {line.strip()!r} is not a word and its phonemes; unpack AN4 again")
        found.setdefault(re.sub(r"\(\d+\)$", "", words[0]), []).append(words[1:])
    return found


def read_samples(utterance: Utterance) -> np.ndarray:
    """Returns int16 [samples] at 16 kHz.

    Raises:
        DataError: damaged, or not what AN4's recordings are.
    """
    waveform = read_audio(utterance.path, SAMPLE_RATE)
    rate = soundfile.info(utterance.path).samplerate
    if rate != SAMPLE_RATE:
        raise DataError(f"{utterance.path}: {rate} Hz, expected {SAMPLE_RATE}; unpack AN4 again")
    return np.round(waveform * 32768.0).clip(-32768, 32767).astype(np.int16)


def digest(root: Path) -> str:
    """Returns one sha256 over the lists and every recording, in the order of the lists."""
    recordings = [utterance.path for split in ("train", "test") for utterance in read_list(root, split)]
    return sha256_of([*(root / name for name in _LISTS), *recordings])
