"""Reader of the UCI EEG Database (Begleiter, SUNY) in its official layout: <subject>/<subject>.rd.<trial>.gz."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tempfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas
import pooch

from datasets.errors import DataError
from datasets.fetch import Download, data_folder, ensure

SAMPLE_RATE = 256
SAMPLES = 256
ELECTRODES = tuple(
    "FP1 FP2 F7 F8 AF1 AF2 FZ F4 F3 FC6 FC5 FC2 FC1 T8 T7 CZ C3 C4 CP5 CP6 CP1 CP2 P3 P4 PZ P8 P7 PO2 PO1 O2 O1 X AF7 AF8 F5 F6 "
    "FT7 FT8 FPZ FC4 FC3 C6 C5 F2 F1 TP8 TP7 AFZ CP3 CP4 P5 P6 C1 C2 PO7 PO8 FCZ POZ OZ P2 P1 CPZ nd Y".split()
)
"""In the order of the files."""
NOT_ON_THE_SCALP = ("X", "Y", "nd")
"""Two eye channels and one without a site."""
CONDITIONS = ("S1 obj", "S2 match", "S2 nomatch")
"""One picture; a second picture equal to the first; a second picture that differs from the first."""
NOTICE = (
    "UCI EEG Database, Henri Begleiter, Neurodynamics Laboratory, State University of New York Health Center, Brooklyn"
)
_ADDRESS = "https://archive.ics.uci.edu/ml/machine-learning-databases/eeg-mld/"
_FILE = re.compile(r"(?P<subject>co\d[ac]\d+)\.rd\.(?P<trial>\d+)(\.gz)?")
_CONDITION = re.compile(r"#\s*(?P<condition>S[12] \w+)(?P<error>\s+err)?\s*,\s*trial\s+(?P<trial>\d+)")
_PARSER = 1
"""Raise when the parser changes what it returns, so that kept arrays are read anew."""


@dataclass(frozen=True)
class Trials:
    """One-second recordings that begin with a picture."""

    signals: np.ndarray
    """float32 [trials, 64, 256] in volts, electrodes in the order of ELECTRODES."""
    conditions: np.ndarray
    """int64 [trials], indices into CONDITIONS."""
    subjects: np.ndarray
    """str [trials], e.g. "co2a0000364"; the fourth letter is a (alcoholic) or c (control)."""
    names: np.ndarray
    """str [trials], e.g. "co2a0000364.rd.000"."""
    sha256: str
    """Of the files' names and bytes, in the order of the trials."""
    dropped: dict[str, int]
    """Reason -> files left out."""

    def __len__(self) -> int:
        return len(self.conditions)


def folder() -> Path:
    """Returns the database's folder, downloading it when it is not there.

    Raises:
        DataError: absent, and it cannot be downloaded.
    """
    place = data_folder() / "uci-eeg"
    if place.is_dir() and next(_trial_files(place), None):
        return place
    names = ("SMNI_CMI_TRAIN", "SMNI_CMI_TEST")
    return ensure("uci-eeg", names, [Download(f"{_ADDRESS}{name}.tar.gz", unpack_to="") for name in names])


def load(root: Path) -> Trials:
    """Reads every trial below `root`, whatever the folders between; a trial that stands there twice is read once.

    The parsed arrays are kept in `root`, or where that cannot be written in the per-user cache, under a name made from the
    files' checksum; the next call reads those.

    Raises:
        DataError: no trial there, or one is damaged or not laid out as in the database.
    """
    chosen: dict[tuple[str, int], Path] = {}
    dropped: Counter[str] = Counter()
    for path in sorted(_trial_files(root)):
        match = _FILE.fullmatch(path.name)
        key = (match["subject"], int(match["trial"]))
        if key in chosen:
            dropped["same trial in a second folder"] += 1
        chosen.setdefault(key, path)
    if not chosen:
        raise DataError(f"{root}: no file named <subject>.rd.<trial>.gz there, e.g. co2a0000364/co2a0000364.rd.000.gz")
    paths = [chosen[key] for key in sorted(chosen)]
    contents = [_bytes(path) for path in paths]
    digest = hashlib.sha256()
    for path, content in zip(paths, contents, strict=True):
        digest.update(path.name.encode() + content)
    arrays = _kept(root, digest.hexdigest(), lambda: _parse_all(paths, contents))
    known = arrays["conditions"] >= 0
    if not known.all():
        dropped["answered wrongly (condition marked err)"] += int((~known).sum())
    return Trials(
        arrays["signals"][known],
        arrays["conditions"][known],
        np.array([key[0] for key in sorted(chosen)])[known],
        np.array([path.name.removesuffix(".gz") for path in paths])[known],
        digest.hexdigest(),
        dict(dropped),
    )


def read_trial(path: Path) -> tuple[np.ndarray, str]:
    """Reads one file.

    Returns:
        float32 [64, 256] in volts, and its condition, with " err" behind it where the person's answer was wrong.

    Raises:
        DataError: damaged, or not laid out as in the database.
    """
    return _parse(path, _bytes(path))


def _trial_files(root: Path):
    return (path for path in root.rglob("*.rd.*") if _FILE.fullmatch(path.name) and path.is_file())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _parse(path: Path, content: bytes) -> tuple[np.ndarray, str]:
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: a damaged or truncated gzip file ({error}); download it again") from error
    header = content[:2000].decode("latin-1")
    match = _CONDITION.search(header)
    condition = " ".join(match["condition"].split()) if match else None
    if condition not in CONDITIONS:
        raise DataError(f"{path}: its header names no condition; expected a line like '# S1 obj , trial 0'")
    try:
        table = pandas.read_csv(
            io.BytesIO(content),
            sep=" ",
            comment="#",
            header=None,
            names=["trial", "electrode", "sample", "value"],
            dtype={"trial": "int64", "electrode": "str", "sample": "int64", "value": "float64"},
            na_filter=False,
        )
    except (ValueError, pandas.errors.ParserError) as error:
        raise DataError(
            f"{path}: expected lines of trial, electrode, sample and value ({str(error).strip()})"
        ) from error
    return _signals(path, table), condition + (" err" if match["error"] else "")


def _signals(path: Path, table: pandas.DataFrame) -> np.ndarray:
    expected = len(ELECTRODES) * SAMPLES
    if len(table) != expected:
        raise DataError(
            f"{path}: {len(table)} values, expected {expected} ({len(ELECTRODES)} electrodes x {SAMPLES} samples); download it again"
        )
    names = table["electrode"].to_numpy().reshape(-1, SAMPLES)
    samples = table["sample"].to_numpy().reshape(-1, SAMPLES)
    if (names != names[:, :1]).any() or (samples != np.arange(SAMPLES)).any():
        raise DataError(f"{path}: its samples are not in order, electrode after electrode")
    places = {name: place for place, name in enumerate(names[:, 0])}
    missing = [name for name in ELECTRODES if name not in places]
    if missing:
        raise DataError(f"{path}: the electrodes {', '.join(missing)} are missing")
    values = table["value"].to_numpy().reshape(-1, SAMPLES)[[places[name] for name in ELECTRODES]]
    if not np.isfinite(values).all():
        raise DataError(f"{path}: some values are not finite; download it again")
    return (values * 1e-6).astype(np.float32)


def _parse_all(paths: list[Path], contents: list[bytes]) -> dict[str, np.ndarray]:
    parsed = [_parse(path, content) for path, content in zip(paths, contents, strict=True)]
    conditions = [CONDITIONS.index(name) if name in CONDITIONS else -1 for _, name in parsed]
    return {"signals": np.stack([signals for signals, _ in parsed]), "conditions": np.array(conditions, np.int64)}


def _kept(root: Path, digest: str, parse) -> dict[str, np.ndarray]:
    """Returns the arrays parsed before from files of this digest, or parses and keeps them."""
    name = f".parsed-{_PARSER}-{digest[:16]}.npz"
    places = [root / name, Path(pooch.os_cache("keras-application-suite")) / "uci-eeg" / name]
    for place in places:
        try:
            with np.load(place, allow_pickle=False) as stored:
                return {key: stored[key] for key in ("signals", "conditions")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            continue
    arrays = parse()
    for place in places:
        try:
            _write(place, arrays)
            break
        except OSError:
            continue
    return arrays


def _write(place: Path, arrays: dict[str, np.ndarray]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".npz", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)
        os.replace(name, place)
    finally:
        Path(name).unlink(missing_ok=True)
