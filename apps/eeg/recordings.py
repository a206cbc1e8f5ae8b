"""A person's own recordings: EDF, BDF and FIF files through MNE, arrays as .npy and .csv, single trials of the UCI database."""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mne
import numpy as np

from datasets import uci_eeg
from datasets.errors import DataError
from datasets.fetch import sha256_of
from datasets.montage import on_the_scalp, plain_name

RECORDINGS = (".edf", ".bdf", ".fif", ".fif.gz")
ARRAYS = (".npy", ".csv")
LARGEST_VOLTS = 0.02
"""No EEG amplifier records more; microvolts taken for volts do."""


class Recording(NamedTuple):
    """One file."""

    signals: np.ndarray
    """float32 [electrodes, samples] in volts."""
    electrodes: list[str]
    sample_rate: float
    onsets: list[int]
    """Samples at which its annotations begin."""


def read_recording(path: Path, sample_rate: float | None = None) -> Recording:
    """Reads an EDF, BDF or FIF file, resampled to `sample_rate` where it differs.

    Raises:
        DataError: absent, damaged, or no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    name = path.name.lower()
    reader = (
        mne.io.read_raw_fif
        if name.endswith((".fif", ".fif.gz"))
        else mne.io.read_raw_bdf
        if name.endswith(".bdf")
        else mne.io.read_raw_edf
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = reader(path, preload=True, verbose="ERROR")
            if sample_rate is not None and abs(raw.info["sfreq"] - sample_rate) > 1e-6:
                raw.resample(sample_rate, method="polyphase", verbose="ERROR")
    except DataError:
        raise
    except Exception as error:  # MNE's readers raise whatever the damaged bytes lead them to
        cause = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: not a readable {path.suffix[1:].upper()} recording ({cause or type(error).__name__})"
        ) from error
    onsets = (
        [round(float(onset - raw.first_time) * raw.info["sfreq"]) for onset in raw.annotations.onset]
        if len(raw.annotations)
        else []
    )
    return Recording(raw.get_data().astype(np.float32), list(raw.ch_names), float(raw.info["sfreq"]), onsets)


def pick(path: Path, recording: Recording, electrodes: Sequence[str], needed: Sequence[str]) -> np.ndarray:
    """Returns the recording's channels in the order of `electrodes`, found by name; float32 [electrodes, samples].

    Channels that are not `needed` (eye channels) are zero where they are missing.

    Raises:
        DataError: needed electrodes are missing; names them.
    """
    places = {plain_name(name): place for place, name in reversed(list(enumerate(recording.electrodes)))}
    missing = [name for name in needed if plain_name(name) not in places]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of the model's {len(needed)} electrodes are missing: {', '.join(missing)}; "
            f"the file has {', '.join(recording.electrodes)}"
        )
    silent = np.zeros(recording.signals.shape[1], np.float32)
    found = [places.get(plain_name(name)) for name in electrodes]
    return np.stack([silent if place is None else recording.signals[place] for place in found])


def windows(path: Path, signals: np.ndarray, samples: int, onsets: Sequence[int] = ()) -> np.ndarray:
    """Cuts [electrodes, time] into [windows, electrodes, samples]: at the onsets, or without any one after the other.

    Raises:
        DataError: too short for one window.
    """
    length = signals.shape[1]
    starts = [onset for onset in onsets if 0 <= onset <= length - samples] or list(
        range(0, length - samples + 1, samples)
    )
    if not starts:
        raise DataError(f"{path}: {length} samples, expected at least {samples}")
    return np.stack([signals[:, start : start + samples] for start in starts])


def read_array(path: Path, electrodes: int, samples: int) -> np.ndarray:
    """Reads .npy ([electrodes, samples] or with a leading axis of trials) or .csv (a row an electrode), volts.

    Raises:
        DataError: damaged, or of another shape.
    """
    try:
        values = (
            np.load(path, allow_pickle=False)
            if path.suffix.lower() == ".npy"
            else np.loadtxt(path, delimiter=",", ndmin=2)
        )
        values = np.asarray(values, np.float32)
    except (OSError, ValueError, EOFError) as error:
        cause = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise DataError(f"{path}: not readable as an array of numbers ({cause})") from error
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.shape[1:] != (electrodes, samples) or not len(values):
        raise DataError(
            f"{path}: shape {values.shape[1:] if len(values) == 1 else values.shape}, expected {electrodes} electrodes x {samples} samples"
        )
    return values


def check_volts(path: Path, signals: np.ndarray) -> np.ndarray:
    """Returns the signals.

    Raises:
        DataError: values that are not finite or cannot be volts.
    """
    if not np.isfinite(signals).all():
        raise DataError(f"{path}: some values are not finite numbers")
    largest = float(np.abs(signals).max())
    if largest > LARGEST_VOLTS:
        raise DataError(
            f"{path}: values up to {largest:.3g}, expected volts (EEG stays below {LARGEST_VOLTS:g}); divide microvolts by 1e6"
        )
    return signals


class Listed(NamedTuple):
    """What a CSV of recordings holds, cut into windows."""

    signals: np.ndarray
    """float32 [windows, electrodes, samples] in volts."""
    labels: list[str]
    subjects: list[str]
    electrodes: list[str]
    sample_rate: float
    sha256: str
    dropped: dict[str, int]


def read_list(
    path: Path, electrodes: Sequence[str] | None = None, sample_rate: float | None = None, seconds: float = 1.0
) -> Listed:
    """Reads a CSV with the columns file, label and subject; files are found beside it and cut into windows.

    Args:
        electrodes: by default those of the first file that are sites of the 10-05 system.
        sample_rate: by default that of the first file.

    Raises:
        DataError: a column, a file or an electrode is missing, with the row.
    """
    rows = _rows(path)
    signals, labels, subjects, files = [], [], [], []
    dropped: Counter[str] = Counter()
    for number, row in enumerate(rows, start=2):
        file = path.parent / row["file"]
        try:
            recording = read_recording(file, sample_rate)
        except DataError as error:
            raise DataError(f"{path} row {number}: {error}") from error
        sample_rate = sample_rate or recording.sample_rate
        electrodes = electrodes or [recording.electrodes[place] for place in on_the_scalp(recording.electrodes)]
        if len(electrodes) < 4:
            raise DataError(
                f"{file}: {len(electrodes)} channels bear names of the 10-05 system, expected at least 4; rename them, e.g. to Fp1"
            )
        samples = round(seconds * sample_rate)
        recorded = check_volts(
            file, pick(file, recording, electrodes, [electrodes[p] for p in on_the_scalp(electrodes)])
        )
        if recorded.shape[1] < samples:
            dropped["recording shorter than one window"] += 1
            continue
        cut = windows(file, recorded, samples)
        signals.append(cut)
        labels += [row["label"]] * len(cut)
        subjects += [row["subject"]] * len(cut)
        files.append(file)
    if not signals:
        raise DataError(f"{path}: no recording there is as long as {seconds:g} s")
    digest = hashlib.sha256((path.read_text(encoding="utf-8") + sha256_of(files)).encode()).hexdigest()
    return Listed(
        np.concatenate(signals), labels, subjects, list(electrodes), float(sample_rate), digest, dict(dropped)
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns, rows = set(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as CSV ({error})") from error
    missing = {"file", "label", "subject"} - columns
    if missing:
        raise DataError(f"{path}: the column {', '.join(sorted(missing))} is missing; expected file,label,subject")
    for number, row in enumerate(rows, start=2):
        if not all((row[name] or "").strip() for name in ("file", "label", "subject")):
            raise DataError(f"{path} row {number}: file, label or subject is empty")
    if not rows:
        raise DataError(f"{path}: no rows below file,label,subject; name a recording in each")
    return rows


def read_trials(
    path: Path, electrodes: Sequence[str], needed: Sequence[str], sample_rate: float, samples: int
) -> np.ndarray:
    """Reads any file this module knows into [trials, electrodes, samples] for a trained model, float32 in volts.

    Raises:
        DataError: of another type, damaged, or not what the model needs.
    """
    name = path.name.lower()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if not path.stat().st_size:
        raise DataError(f"{path}: an empty file")
    if ".rd." in name:
        trial, _ = uci_eeg.read_trial(path)
        recording = Recording(trial, list(uci_eeg.ELECTRODES), float(uci_eeg.SAMPLE_RATE), [])
        if abs(sample_rate - uci_eeg.SAMPLE_RATE) > 1e-6:
            raise DataError(f"{path}: {uci_eeg.SAMPLE_RATE} Hz, the model expects {sample_rate:g}")
        return windows(path, pick(path, recording, electrodes, needed), samples)
    if name.endswith(ARRAYS):
        return check_volts(path, read_array(path, len(electrodes), samples))
    if name.endswith(RECORDINGS):
        recording = read_recording(path, sample_rate)
        return check_volts(path, windows(path, pick(path, recording, electrodes, needed), samples, recording.onsets))
    raise DataError(
        f"{path}: expected {', '.join((*RECORDINGS, *ARRAYS))} or a trial of the UCI EEG Database (<subject>.rd.<trial>.gz)"
    )
