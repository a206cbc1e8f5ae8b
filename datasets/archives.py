"""Unpacking of archives that come from elsewhere."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from datasets.errors import DataError

LARGEST = 200 << 30
"""Bytes that the members of one archive may hold together."""


def unpack(archive: Path, target: Path) -> None:
    """Unpacks a .tar, .tar.gz or .zip into `target`: all of it or nothing.

    Raises:
        DataError: damaged, of another kind, too large, or with members that would leave the folder.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, temporary)
        else:
            _untar(archive, temporary)
        _move(temporary, target)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{archive}: cannot be unpacked ({error}); delete it and download it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unzip(archive: Path, temporary: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        if sum(member.file_size for member in content.infolist()) > LARGEST:
            raise DataError(f"{archive}: its members are larger than {LARGEST >> 30} GiB together")
        for member in content.infolist():
            name = PurePosixPath(member.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
                raise DataError(f"{archive}: member {member.filename!r} would leave the folder")
        content.extractall(temporary)


def _untar(archive: Path, temporary: Path) -> None:
    if not tarfile.is_tarfile(archive):
        raise DataError(f"{archive}: neither a tar nor a zip archive; delete it and download it again")
    with tarfile.open(archive) as content:
        size = 0
        for member in content:
            size += member.size
            if size > LARGEST:
                raise DataError(f"{archive}: its members are larger than {LARGEST >> 30} GiB together")
            content.extract(member, temporary, filter="data")


def _move(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir()):
        place = target / item.name
        if item.is_dir() and place.is_dir():
            _move(item, place)
        else:
            os.replace(item, place)
