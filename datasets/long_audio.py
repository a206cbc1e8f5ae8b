"""Recordings of many hours: decoded piece by piece onto the disk, so that memory does not grow with their length."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from datasets.audio import LONGEST, UNREADABLE, check_header, check_length, check_samples, unreadable
from datasets.errors import DataError

LONGEST_ON_DISK = 24 * 3600
"""Seconds; longer recordings are refused."""
BLOCK_SECONDS = 30


class DiskSamples:
    """float32 [samples] that lie in a temporary file, which vanishes with this; a slice of them is read when it is asked for.

    A mapped file would do, but its pages count as memory of the process.
    """

    def __init__(self, file: tempfile._TemporaryFileWrapper, count: int):
        self._file, self._count = file, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(self._count)
        return np.frombuffer(os.pread(self._file.fileno(), 4 * max(0, stop - start), 4 * start), np.float32)


def is_long(path: Path) -> bool:
    """Tells whether a recording is longer than `read_audio` reads; no for a file that cannot be read."""
    try:
        return soundfile.info(path).duration > LONGEST
    except UNREADABLE:
        return False


def read_onto_disk(path: Path, sample_rate: int = 16_000) -> DiskSamples:
    """Reads what `read_audio` reads, of up to a day, without ever holding it in memory.

    Returns:
        the samples at `sample_rate`, clipped to [-1, 1].

    Raises:
        DataError: as `read_audio`; or no room in the folder for temporary files.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, soundfile.SoundFile(stream.fileno(), closefd=False) as file:
            check_header(path, file.samplerate, file.frames, LONGEST_ON_DISK)
            return _decoded(path, file, sample_rate)
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def _decoded(path: Path, file: soundfile.SoundFile, sample_rate: int) -> DiskSamples:
    resampled = soxr.ResampleStream(file.samplerate, sample_rate, 1) if file.samplerate != sample_rate else None
    read, written, target = 0, 0, tempfile.TemporaryFile()  # noqa: SIM115 (closed with the samples)
    for block in file.blocks(BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True):
        mono = block.mean(axis=1)
        check_samples(path, mono)
        read += len(mono)
        if resampled is not None:
            mono = resampled.resample_chunk(mono, last=read >= file.frames)
        written += len(mono)
        _write(target, np.clip(mono, -1.0, 1.0).tobytes())
    check_length(path, read, file.frames)
    return DiskSamples(target, written)


def _write(target: tempfile._TemporaryFileWrapper, content: bytes) -> None:
    try:
        target.write(content)
        target.flush()
    except OSError as error:
        raise DataError(
            f"{tempfile.gettempdir()}: no room for the decoded recording ({error.strerror}); set TMPDIR to a folder that has some"
        ) from error
