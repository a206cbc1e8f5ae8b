"""Recordings of a person's own: any common format to mono float32 at one rate, and manifests of recordings and texts."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from datasets.errors import DataError

FILE_TYPES = (".wav", ".flac", ".ogg", ".aiff", ".aif", ".sph", ".au")
LONGEST = 3600
"""Seconds; longer recordings are refused."""
UNREADABLE = (soundfile.SoundFileError, RuntimeError, OSError)
"""What libsndfile raises."""
_RATES = (1000, 768_000)
_UNSCALED = 16.0
"""Samples beyond this were never meant as -1 to 1."""
_UNKNOWN_SIZE = 0x7FFFF000
"""Bytes from which a header states no size: SoX writes this one into a pipe, others the largest that the field holds."""
_OGG_PAGE = 65_307
"""The most bytes a page can have."""


class Recording(NamedTuple):
    """A row of a manifest, or a file of a folder."""

    name: str
    """The path as the manifest gives it, or from the folder."""
    path: Path
    text: str
    speaker: str | None
    split: str | None = None
    """As the manifest's column split says, if it has one."""


def read_audio(path: Path, sample_rate: int = 16_000) -> np.ndarray:
    """Reads WAV (any PCM width, float, u-law, A-law), FLAC, OGG, AIFF or SPHERE; channels are averaged.

    Returns:
        float32 [samples] at `sample_rate`, clipped to [-1, 1].

    Raises:
        DataError: absent, empty, truncated, no audio, longer than an hour, or samples that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        # By name, libsndfile takes any content of a .au or .vox file for samples.
        with path.open("rb") as stream, soundfile.SoundFile(stream.fileno(), closefd=False) as file:
            rate, frames = file.samplerate, file.frames
            check_header(path, rate, frames, LONGEST)
            samples = file.read(dtype="float32", always_2d=True)
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    check_length(path, len(samples), frames)
    mono = samples.mean(axis=1)
    check_samples(path, mono)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate)
    return np.clip(mono, -1.0, 1.0)


def unreadable(path: Path, error: Exception) -> DataError:
    """Returns what to raise where libsndfile has failed."""
    cause = "an empty file" if path.stat().st_size == 0 else getattr(error, "error_string", str(error)).rstrip(".")
    return DataError(f"{path}: not a recording that can be read ({cause}); expected WAV, FLAC, OGG, AIFF or SPHERE")


def check_header(path: Path, rate: int, frames: int, longest: float) -> None:
    """Raises a DataError for a rate that no recording has, or more than `longest` seconds."""
    if not _RATES[0] <= rate <= _RATES[1]:
        raise DataError(f"{path}: {rate} Hz, expected {_RATES[0]:,} to {_RATES[1]:,}; resample it")
    if frames > longest * rate:
        raise DataError(f"{path}: {frames / rate / 60:.0f} minutes, at most {longest / 60:.0f} can be read; cut it")


def check_length(path: Path, read: int, promised: int) -> None:
    """Raises a DataError where a file gave fewer samples than its header promises, or none."""
    if read < promised or _truncated(path):
        raise DataError(f"{path}: truncated, its header promises more samples than it holds; replace it")
    if read == 0:
        raise DataError(f"{path}: a recording without samples")


def check_samples(path: Path, mono: np.ndarray) -> None:
    """Raises a DataError for samples that are not finite, or far beyond -1 to 1."""
    if not np.isfinite(mono).all():
        raise DataError(f"{path}: holds samples that are not finite numbers; write it again")
    if np.abs(mono).max() > _UNSCALED:
        raise DataError(f"{path}: samples up to {np.abs(mono).max():g}, expected -1 to 1; scale them")


def _truncated(path: Path) -> bool:
    """Tells whether the file is shorter than its own header says; libsndfile quietly shortens such recordings."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(1024)
        stream.seek(max(0, size - _OGG_PAGE))
        tail = stream.read()
    if head[:4] == b"OggS":
        return _truncated_page(tail)
    return _stated_size(head) > size


def _stated_size(head: bytes) -> int:
    """Returns the least number of bytes that the header asks for; 0 where it does not say, as in a stream."""
    stated = 0
    if head[:4] in (b"RIFF", b"FORM"):
        # The last pad byte is often left out, and some writers count these first eight bytes as well.
        stated = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big") - 1
    elif head[:4] == b"RF64" and head[12:16] == b"ds64":
        stated = 7 + int.from_bytes(head[20:28], "little")
    elif head[:4] == b".snd":
        stated = int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big")
    elif head[:8] == b"NIST_1A\n" and head[8:16].strip().isdigit():
        lines = [line.split() for line in head.decode("latin-1").splitlines()]
        fields = {words[0]: words[2] for words in lines if len(words) == 3 and words[2].isdigit()}
        counts = [int(fields.get(name, "0")) for name in ("sample_count", "sample_n_bytes", "channel_count")]
        stated = int(head[8:16]) + math.prod(counts)
    return stated if stated < _UNKNOWN_SIZE or head[:4] == b"RF64" else 0


def _truncated_page(tail: bytes) -> bool:
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def read_manifest(file: Path) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Reads a CSV file with the columns path, text and, optionally, speaker and split, or JSON lines with these keys.

    Paths are relative to the manifest's folder. Of several usable rows with the same file, the first counts.

    Returns:
        the usable rows, and the path or line and the reason of each that was left out.

    Raises:
        DataError: no such file, damaged, without these columns, or without a usable row.
    """
    file = Path(file)
    kept: list[Recording] = []
    left_out: list[tuple[str, str]] = []
    listed: set[Path] = set()
    for number, row in _rows(file):
        if damage := _damage(row):
            left_out.append((f"{file.name} line {number}", damage))
            continue
        columns = ("path", "text", "speaker", "split")
        name, text, speaker, split = ("" if row.get(key) is None else str(row[key]).strip() for key in columns)
        path = file.parent / name
        if not name:
            left_out.append((f"{file.name} line {number}", "missing path"))
        elif not path.is_file():
            left_out.append((name, "missing file"))
        elif not text:
            left_out.append((name, "missing transcript"))
        elif path.resolve() in listed:
            left_out.append((name, "listed twice"))
        else:
            listed.add(path.resolve())
            kept.append(Recording(name, path, text, speaker or None, split or None))
    if not kept:
        raise DataError(f"{file}: no usable row ({_counted(left_out)}); paths are taken from {file.parent}")
    return kept, left_out


def _counted(left_out: list[tuple[str, str]]) -> str:
    counts = Counter(reason for _, reason in left_out)
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "it has none"


def read_folder(folder: Path) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Reads a folder of recordings, each beside a text file of the same name (.txt) with its transcript.

    Where recordings lie in folders below it, the folder that holds one is its speaker.

    Returns:
        the usable recordings, and the path and the reason of each that was left out.

    Raises:
        DataError: no recording with a transcript.
    """
    folder = Path(folder)
    kept: list[Recording] = []
    left_out: list[tuple[str, str]] = []
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    recordings = [path for path in files if path.name.lower().endswith(FILE_TYPES)]
    for path in recordings:
        name = str(path.relative_to(folder))
        text, why_none = _transcript(path.with_suffix(".txt"))
        if text:
            kept.append(Recording(name, path, text, None if path.parent == folder else path.parent.name))
        else:
            left_out.append((name, why_none))
    used = {*recordings, *(path.with_suffix(".txt") for path in recordings)}
    left_out += [(str(path.relative_to(folder)), _no_recording(path)) for path in files if path not in used]
    if not kept:
        raise DataError(
            f"{folder}: no recording with a transcript ({_counted(left_out)}); expected WAV, FLAC, OGG, AIFF or SPHERE files, "
            "each beside a .txt of the same name in UTF-8"
        )
    return kept, left_out


def _transcript(file: Path) -> tuple[str, str]:
    """Returns what a text file holds, and why it holds nothing."""
    try:
        return file.read_text(encoding="utf-8-sig").strip() if file.is_file() else "", "missing transcript"
    except UnicodeDecodeError:
        return "", "transcript is not UTF-8"


def _no_recording(path: Path) -> str:
    return "missing recording" if path.suffix == ".txt" else "not a WAV, FLAC, OGG, AIFF or SPHERE file"


def _rows(file: Path) -> list[tuple[int, dict[Any, Any]]]:
    """Returns the number of the line in which each row ends, and the row."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            if file.suffix.lower() == ".jsonl":
                rows = [(number, _object(file, number, line)) for number, line in enumerate(stream, 1) if line.strip()]
                columns = set().union(*(row for _, row in rows))
            else:
                reader = csv.DictReader(stream)
                rows = [(reader.line_num, row) for row in reader]
                columns = set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or error
        raise DataError(
            f"{file}: cannot be read as a manifest ({cause}); expected CSV, or JSON lines in a .jsonl, in UTF-8"
        ) from error
    if not {"path", "text"} <= columns:
        raise DataError(f"{file}: columns {', '.join(sorted(columns)) or 'none'}, expected path and text")
    return rows


def _damage(row: dict[Any, Any]) -> str | None:
    """Returns why a row's path and text cannot be told, or None."""
    if any(field.strip() for field in row.get(None, ())):  # where DictReader puts what has no column
        return "more fields than the header has; quote a text that holds commas"
    wrong = [name for name in ("path", "text") if not isinstance(row.get(name), str | None)]
    return f"{wrong[0]} that is not a string" if wrong else None


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{file} line {number}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataError(
            f'{file} line {number}: {line.strip()[:40]}, expected an object like {{"path": ..., "text": ...}}'
        )
    return row
