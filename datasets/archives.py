"""Unpacking of archives that come from elsewhere."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from datasets.errors import DataError

if not hasattr(tarfile, "data_filter"):  # before Python 3.11.4, as Debian 12 has it, no member was checked
    from backports import tarfile

LARGEST = 200 << 30
"""Bytes that the members of one archive may hold together."""
MOST_MEMBERS = 5_000_000
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)


def unpack(archive: Path, target: Path) -> None:
    """Unpacks a .tar (plain or compressed) or .zip into `target`: nothing appears there before all of it is unpacked.

    Raises:
        DataError: damaged, of another kind, encrypted, larger than the disk has room for, or with members that would
            leave the folder.
    """
    temporary = target / f".unpacking-{archive.name}"
    shutil.rmtree(temporary, ignore_errors=True)  # Of an earlier attempt that was killed.
    try:
        temporary.mkdir(parents=True)
        if zipfile.is_zipfile(archive):
            _unzip(archive, temporary)
        elif tarfile.is_tarfile(archive):
            _untar(archive, temporary)
        else:
            raise DataError(
                f"{archive}: neither a tar nor a zip archive, or its beginning is damaged; download it again"
            )
        _move(temporary, target)
    except tarfile.FilterError as error:
        raise DataError(f"{archive}: refused, a member would leave the folder or is no plain file ({error})") from error
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(f"{archive}: cannot be unpacked ({error}); unpack it into {target} by other means") from error
    except _DAMAGE as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise DataError(f"{target}: {archive.name} cannot be unpacked there ({error.strerror})") from error
        raise DataError(f"{archive}: damaged or truncated ({error}); delete it and download it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unzip(archive: Path, temporary: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        members = content.infolist()
        _bounded(archive, temporary, sum(member.file_size for member in members), len(members))
        for member in members:
            name = PurePosixPath(member.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
                raise DataError(f"{archive}: refused, member {member.filename!r} would leave the folder")
        content.extractall(temporary)


def _untar(archive: Path, temporary: Path) -> None:
    size = 0
    with tarfile.open(archive) as content:
        for count, member in enumerate(content):
            size += member.size
            _bounded(archive, temporary, member.size, 0)
            _bounded(archive, None, size, count)
            content.extract(member, temporary, filter="data")
        # A gzip file's checksum comes last, behind the padding, which tarfile does not read.
        for _ in range(1024):
            if not content.fileobj.read(1 << 20):
                break


def _bounded(archive: Path, place: Path | None, size: int, count: int) -> None:
    if size > LARGEST or count > MOST_MEMBERS:
        raise DataError(f"{archive}: refused, more than {LARGEST >> 30} GiB or {MOST_MEMBERS:,} members")
    if place is not None and size > shutil.disk_usage(place).free:
        raise DataError(f"{archive}: {size:,} bytes do not fit on the disk of {place.parent}; make room there")


def _move(source: Path, target: Path) -> None:
    for item in sorted(source.iterdir()):
        place = target / item.name
        if item.is_dir() and place.is_dir():
            _move(item, place)
        else:
            os.replace(item, place)
