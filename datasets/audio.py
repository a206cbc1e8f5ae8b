"""Recordings of a person's own: any common format to mono float32 at one rate, and manifests of recordings and texts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from datasets.errors import DataError

FILE_TYPES = (".wav", ".flac", ".ogg", ".aiff", ".aif", ".sph", ".au")
LONGEST = 12 * 3600
"""Seconds; longer recordings are refused."""


class Recording(NamedTuple):
    """A row of a manifest."""

    path: Path
    text: str
    speaker: str | None


def read_audio(path: Path, sample_rate: int = 16_000) -> np.ndarray:
    """Reads WAV (any PCM width, float, u-law, A-law), FLAC, OGG, AIFF or SPHERE; channels are averaged.

    Returns:
        float32 [samples] in [-1, 1] at `sample_rate`.

    Raises:
        DataError: absent, empty, truncated, no audio, or samples that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: an empty file, expected a recording")
    try:
        with soundfile.SoundFile(path) as file:
            rate, frames = file.samplerate, file.frames
            if frames > LONGEST * rate:
                raise DataError(
                    f"{path}: {frames / rate / 3600:.1f} hours, at most {LONGEST // 3600} can be read; cut it"
                )
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise DataError(
            f"{path}: not a recording that can be read ({error}); expected WAV, FLAC, OGG, AIFF or SPHERE"
        ) from error
    if len(samples) == 0:
        raise DataError(f"{path}: a recording without samples")
    if len(samples) < frames or _wav_is_truncated(path):
        raise DataError(f"{path}: truncated, its header promises more samples than it holds")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise DataError(f"{path}: holds samples that are not finite numbers")
    if rate != sample_rate:
        import librosa

        mono = librosa.resample(mono, orig_sr=rate, target_sr=sample_rate)
    return mono.astype(np.float32)


def _wav_is_truncated(path: Path) -> bool:
    """Compares the size that a RIFF header states with the file's; streams write 0 or the largest number there."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[:4] != b"RIFF":
        return False
    stated = int.from_bytes(head[4:], "little")
    return 0 < stated < 0xFFFFFF00 and stated + 8 > path.stat().st_size + 1


def read_manifest(file: Path) -> tuple[list[Recording], dict[str, int]]:
    """Reads a CSV file with the columns path, text and, optionally, speaker, or JSON lines with these keys.

    Paths are relative to the manifest's folder.

    Returns:
        the usable rows, and how many were left out for which reason.

    Raises:
        DataError: no such file, damaged, without these columns, or without a usable row.
    """
    file = Path(file)
    rows = _rows(file)
    kept, dropped = [], Counter()
    for row in rows:
        path = file.parent / str(row["path"] or "")
        text = (row.get("text") or "").strip()
        if not text:
            dropped["missing transcript"] += 1
        elif not path.is_file():
            dropped["missing file"] += 1
        else:
            kept.append(Recording(path, text, row.get("speaker") or None))
    if not kept:
        raise DataError(f"{file}: no usable row among {len(rows)} ({dict(dropped) or 'the file is empty'})")
    return kept, dict(dropped)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            if file.suffix.lower() == ".jsonl":
                rows = [json.loads(line) for line in stream if line.strip()]
                columns = set.intersection(*(set(row) for row in rows)) if rows else set()
            else:
                reader = csv.DictReader(stream)
                rows, columns = list(reader), set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{file}: cannot be read as a manifest ({error}); expected CSV or JSON lines in UTF-8"
        ) from error
    if not {"path", "text"} <= columns:
        raise DataError(f"{file}: columns {', '.join(sorted(columns)) or 'none'}, expected path and text")
    return rows
