"""Downloads: from the official address, with resume, checksum and atomic placement under DATASETS_DIR."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import pooch
from tqdm import tqdm

from datasets import archives
from datasets.errors import DataError

ATTEMPTS = 4
TIMEOUT = 30
BLOCK = 1 << 20


@dataclass(frozen=True)
class Download:
    """One file of a data set."""

    url: str
    checksum: str | None = None
    """"md5:..." or "sha256:..."."""
    unpack_to: str | None = None
    """For an archive: the folder below the data set's own that its members go to ("" for that folder itself)."""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(urlparse(self.url).path).name


def data_folder() -> Path:
    """Returns DATASETS_DIR, or the per-user cache."""
    return Path(os.environ.get("DATASETS_DIR") or pooch.os_cache("keras-application-suite"))


def ensure(folder: str, required: Sequence[str], downloads: Sequence[Download], remedy: str = "") -> Path:
    """Returns data_folder()/folder once every file of `required` is in it, downloading what is missing.

    Raises:
        DataError: absent and not to be had; names the address, the folder and what to do.
    """
    place = data_folder() / folder
    if _complete(place, required):
        return place
    for download in downloads:
        try:
            file = retrieve(download, place)
            if download.unpack_to is not None:
                archives.unpack(file, place / download.unpack_to)
                file.unlink()
        except OSError as error:
            raise DataError(
                f"{place}: {', '.join(_missing(place, required))} is not there and {download.url} cannot be reached ({_cause(error)}); "
                f"download it elsewhere and put it there, or set DATASETS_DIR{'. ' + remedy if remedy else ''}"
            ) from error
    if not _complete(place, required):
        raise DataError(
            f"{place}: {', '.join(_missing(place, required))} is missing from the download. {remedy}".strip()
        )
    return place


def _missing(place: Path, required: Sequence[str]) -> list[str]:
    return [name for name in required if not (place / name).exists()]


def _complete(place: Path, required: Sequence[str]) -> bool:
    return not _missing(place, required)


def _cause(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)


def retrieve(download: Download, folder: Path) -> Path:
    """Downloads one file into `folder`, going on from a partial <name>.part, and checks it before it gets its name.

    Raises:
        DataError: the server's bytes do not match the checksum (they are removed).
        OSError: the server cannot be reached or breaks off again and again.
    """
    target = folder / download.name
    if target.exists():
        _check(target, download)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (download.name + ".part")
    for attempt in range(ATTEMPTS):
        try:
            _fetch(download.url, part)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:
                part.unlink(missing_ok=True)
            elif error.code < 500 or attempt == ATTEMPTS - 1:
                raise
        except (OSError, HTTPException) as error:
            if attempt == ATTEMPTS - 1:
                raise error if isinstance(error, OSError) else OSError(str(error)) from error
    _check(part, download)
    os.replace(part, target)
    return target


def _fetch(url: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        resumed = answer.status == 206
        length = answer.headers.get("Content-Length")
        expected = None if length is None else int(length)
        with (
            part.open("ab" if resumed else "wb") as stream,
            tqdm(total=expected, unit="B", unit_scale=True, desc=part.stem, disable=None) as progress,
        ):
            received = 0
            while block := answer.read(BLOCK):
                stream.write(block)
                received += len(block)
                progress.update(len(block))
    if expected is not None and received < expected:
        raise OSError(f"broke off after {received} of {expected} bytes")


def _check(file: Path, download: Download) -> None:
    if download.checksum is None:
        return
    kind, expected = download.checksum.split(":")
    received = pooch.file_hash(str(file), alg=kind)
    if received != expected:
        file.unlink()
        raise DataError(f"{download.url}: {kind} {received}, expected {expected}; the file was removed, try again")


def sha256_of(paths: Iterable[Path]) -> str:
    """Returns one SHA-256 over the bytes of many files, in order."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()
