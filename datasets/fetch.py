"""Downloads: from the official address, with resume, checksum and atomic placement under DATASETS_DIR."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pooch
import requests
import urllib3
from tqdm import tqdm

from datasets import archives
from datasets.errors import DataError

ATTEMPTS = 6
PAUSE = 1.0
"""Seconds before the second attempt; doubled before each further one."""
TIMEOUT = 30.0
"""Seconds without an answer, or without a further byte."""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Download:
    """One file of a data set."""

    url: str
    checksum: str | None = None
    """"md5:..." or "sha256:..."; None: the archive's own checksums judge."""
    unpack_to: str | None = None
    """For an archive: the folder that its members go to, from the data set's own: "." for that itself, ".." above it."""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(urlparse(self.url).path).name


class _BrokenOff(Exception):
    """The server answered, but not to the end; another attempt may go on from there."""


class _Unreachable(Exception):
    """No further attempt will help."""


def data_folder() -> Path:
    """Returns DATASETS_DIR, or the per-user cache folder."""
    return Path(os.environ.get("DATASETS_DIR") or pooch.os_cache("keras-application-suite")).expanduser()


def ensure(folder: str, required: Sequence[str], downloads: Sequence[Download], remedy: str = "") -> Path:
    """Returns data_folder()/folder once every file or folder of `required` is in it, downloading what is missing.

    An archive that a person has put into the folder is unpacked instead of downloaded, and stays there.

    Raises:
        DataError: absent and not to be had; names the address, the folder and what to do.
    """
    place = data_folder() / folder
    if not _missing(place, required):
        return place
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{place}: cannot be made ({error.strerror}); set DATASETS_DIR to a folder that can be written to"
        ) from error
    try:
        with _alone(place):
            _complete(place, required, downloads, remedy)
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()  # Only succeeds where nothing came.
    return place


def _missing(place: Path, required: Sequence[str]) -> list[str]:
    return [name for name in required if not (place / name).exists()]


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Waits until no other process downloads into the same folder."""
    handle = os.open(place, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # Some network file systems lock no folders.
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _complete(place: Path, required: Sequence[str], downloads: Sequence[Download], remedy: str) -> None:
    received = []
    for download in downloads:
        if not _missing(place, required):
            break
        file = place / download.name
        if not file.is_file():
            try:
                retrieve(download, place)
            except _Unreachable as error:
                raise DataError(_absent(place, required, download, str(error), remedy)) from error
            received.append(file)
        elif download.unpack_to is not None and (wrong := _wrong(file, download)):
            raise DataError(f"{file}: {wrong}, not the file of {download.url}; delete it to have it downloaded")
        if download.unpack_to is not None:
            _unpack(file, Path(os.path.normpath(place / download.unpack_to)), file in received)
    missing = _missing(place, required)
    if missing:
        urls = ", ".join(download.url for download in downloads)
        raise DataError(f"{place}: {_listed(missing)} not in what {urls} holds{_then(remedy)}")
    for download in downloads:
        if download.unpack_to is not None and place / download.name in received:
            (place / download.name).unlink()


def _unpack(file: Path, target: Path, received: bool) -> None:
    try:
        archives.unpack(file, target)
    except DataError:
        if received:
            file.unlink()
        raise


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def _then(remedy: str) -> str:
    return f"; {remedy}" if remedy else ""


def _absent(place: Path, required: Sequence[str], download: Download, cause: str, remedy: str) -> str:
    partial = place / f"{download.name}.part"
    kept = f"; run the same command again to go on from {partial}" if partial.exists() else ""
    return (
        f"{place}: {_listed(_missing(place, required))} not there, and {download.url} cannot be downloaded ({cause}){kept}; "
        f"put {download.name} there by other means and run again, or set DATASETS_DIR to the folder that holds "
        f"{place.name}/{_then(remedy)}"
    )


def retrieve(download: Download, folder: Path) -> Path:
    """Downloads one file into `folder`, going on from a partial <name>.part, and checks it before it gets its name.

    Raises:
        DataError: the server's bytes do not match the checksum (they are removed), or the disk is full.
    """
    target, part = folder / download.name, folder / f"{download.name}.part"
    resumed = part.exists()
    for attempt in range(ATTEMPTS):
        try:
            _receive(download, part)
        except _BrokenOff as error:
            # A server that states a wrong length never comes to an end by its own account.
            if not (download.checksum and part.exists() and not _wrong(part, download)):
                if attempt == ATTEMPTS - 1:
                    raise _Unreachable(f"{error}, after {ATTEMPTS} attempts") from error
                time.sleep(PAUSE * 2**attempt)
                continue
        wrong = _wrong(part, download)
        if not wrong:
            os.replace(part, target)
            return target
        part.unlink()
        if not resumed:
            raise DataError(f"{target}: {download.url} sent other bytes, {wrong}; they were removed, try again later")
        resumed = False  # The partial file may have been of another version.
    raise _Unreachable(f"no whole file after {ATTEMPTS} attempts")


def _receive(download: Download, part: Path) -> None:
    """Appends to `part` what is missing of it, or starts it anew where the server knows no ranges."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        with requests.get(download.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            start = _start(answer, part, have)
            length = answer.headers.get("Content-Length", "")
            expected = start + int(length) if length.isdigit() else None
            blocks = answer.raw.stream(BLOCK, decode_content=False)
            received = _write(blocks, part, start, expected, download.name)
    except requests.ConnectionError as error:
        if isinstance(error.args[0] if error.args else None, urllib3.exceptions.MaxRetryError):
            raise _Unreachable(_cause(error)) from error
        raise _BrokenOff(_cause(error)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokenOff(_cause(error)) from error
    if expected is not None and received < expected:
        raise _BrokenOff(f"it broke off after {received:,} of {expected:,} bytes")


def _start(answer: requests.Response, part: Path, have: int) -> int:
    """Returns the position of the answer's first byte in the file."""
    status = f"HTTP {answer.status_code} {answer.reason}"
    if answer.status_code == 200:
        return 0
    if answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return have
    if answer.status_code in (206, 416):
        part.unlink(missing_ok=True)
        raise _BrokenOff(f"{status}, another range than was asked for")
    if answer.status_code >= 500 or answer.status_code in (408, 429):
        raise _BrokenOff(status)
    raise _Unreachable(status)


def _write(blocks: Iterable[bytes], part: Path, start: int, expected: int | None, name: str) -> int:
    """Returns the file's length afterwards."""
    try:
        stream = part.open("ab" if start else "wb")
    except OSError as error:
        raise _unwritable(part, error) from error
    progress = tqdm(total=expected, initial=start, unit="B", unit_scale=True, desc=name, disable=None)
    with stream, progress:
        for block in blocks:
            try:
                stream.write(block)
                stream.flush()
            except OSError as error:
                part.unlink()
                raise _unwritable(part, error) from error
            progress.update(len(block))
        return stream.tell()


def _unwritable(part: Path, error: OSError) -> DataError:
    return DataError(f"{part}: cannot be written ({error.strerror}); make room there or set DATASETS_DIR elsewhere")


def _cause(error: BaseException) -> str:
    """Returns the innermost reason without the names of Python objects."""
    inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    inner = getattr(inner, "reason", None) or inner
    return str(inner).rsplit("object at ", 1)[-1].split(": ", 1)[-1].rstrip(".")


def _wrong(file: Path, download: Download) -> str:
    """Returns how the file's checksum differs, or nothing."""
    if download.checksum is None:
        return ""
    kind, expected = download.checksum.split(":")
    received = pooch.file_hash(str(file), alg=kind)
    return "" if received == expected else f"{kind} {received} where {expected} is expected"


def sha256_of(paths: Iterable[Path]) -> str:
    """Returns one SHA-256 over the bytes of many files, in order.

    Raises:
        DataError: a file that cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            with Path(path).open("rb") as stream:
                while block := stream.read(BLOCK):
                    digest.update(block)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()
