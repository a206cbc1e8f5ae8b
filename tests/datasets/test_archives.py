"""Archives: what is damaged, hostile or too large leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import archives
from datasets.archives import unpack
from datasets.errors import DataError

NOISE = np.random.default_rng(1).bytes(40_000)
MEMBERS = {"top/a.txt": b"one", "top/deep/b.bin": NOISE, "c.txt": b""}


def tar_bytes(members=MEMBERS, opening="w:gz", **attributes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=opening) as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in attributes.items():
                setattr(member, key, value)
            file.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zip_bytes(members=MEMBERS) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


KINDS = {
    "a.tar": lambda members=MEMBERS: tar_bytes(members, "w"),
    "a.tar.gz": tar_bytes,
    "a.tar.xz": lambda members=MEMBERS: tar_bytes(members, "w:xz"),
    "a.zip": zip_bytes,
}


def unpacked(folder: Path, name: str, content: bytes) -> Path:
    """Unpacks into folder/target; the archive lies beside it."""
    (folder / name).write_bytes(content)
    unpack(folder / name, folder / "target")
    return folder / "target"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", KINDS)
def test_every_member_arrives(tmp_path, name):
    assert tree(unpacked(tmp_path, name, KINDS[name]())) == MEMBERS


@pytest.mark.parametrize("name", KINDS)
def test_what_stands_there_is_kept_and_what_stands_in_the_archive_replaced(tmp_path, name):
    (tmp_path / "target/top/deep").mkdir(parents=True)
    (tmp_path / "target/top/deep/own.txt").write_bytes(b"mine")
    (tmp_path / "target/top/a.txt").write_bytes(b"old")
    assert tree(unpacked(tmp_path, name, KINDS[name]())) == {**MEMBERS, "top/deep/own.txt": b"mine"}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_truncated_archive_leaves_nothing(tmp_path, name, kept):
    content = KINDS[name]()
    kept = int(kept * len(content)) if isinstance(kept, float) else kept
    if name == "a.tar" and kept == -1:
        kept = len(content) // 3  # The end of a plain tar file is padding.
    with pytest.raises(DataError, match=rf"{name}: (damaged|neither)"):
        unpacked(tmp_path, name, content[:kept])
    assert tree(tmp_path / "target") == {}


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz", "a.zip"])
@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 0.999), flip=st.integers(1, 255))
def test_a_changed_byte_is_answered_or_harmless(tmp_path_factory, name, place, flip):
    tmp_path = tmp_path_factory.mktemp("changed")
    content = bytearray(KINDS[name]())
    content[int(place * len(content))] ^= flip
    try:
        result = tree(unpacked(tmp_path, name, bytes(content)))
    except DataError as error:
        assert name in str(error)
        assert tree(tmp_path / "target") == {}
    else:
        # Dates, modes and a zip's member names carry no checksum; what arrives has the bytes of the original.
        assert sorted(result.values()) == sorted(MEMBERS.values())


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out-of-the-folder.txt"])
@pytest.mark.parametrize("kind", ["a.tar", "a.zip"])
def test_no_member_leaves_the_folder(tmp_path, kind, name):
    content = KINDS[kind]({"good.txt": b"1", name: b"evil"})
    if kind == "a.tar" and name.startswith("/"):
        assert tree(unpacked(tmp_path, kind, content)) == {"good.txt": b"1", name[1:]: b"evil"}
    else:
        with pytest.raises(DataError, match="refused"):
            unpacked(tmp_path, kind, content)
        assert tree(tmp_path / "target") == {}
    assert not Path("/tmp/out-of-the-folder.txt").exists() and not list(tmp_path.parent.glob("out.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_no_link_leads_out_of_the_folder(tmp_path, kind):
    content = tar_bytes({"link": b""}, "w", type=kind, linkname="../../../etc/passwd")
    with pytest.raises(DataError, match="refused"):
        unpacked(tmp_path, "a.tar", content)


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_no_device_is_made(tmp_path, kind):
    with pytest.raises(DataError, match="refused"):
        unpacked(tmp_path, "a.tar", tar_bytes({"device": b""}, "w", type=kind))


def test_unpacked_files_are_not_more_than_readable_and_writable(tmp_path):
    target = unpacked(tmp_path, "a.tar", tar_bytes({"a": b"1"}, "w", mode=0o6777))
    assert os.stat(target / "a").st_mode & 0o7022 == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bound", ["LARGEST", "MOST_MEMBERS"])
def test_the_size_is_bounded(tmp_path, monkeypatch, kind, bound):
    monkeypatch.setattr(archives, bound, {"LARGEST": 39_999, "MOST_MEMBERS": 1}[bound])
    with pytest.raises(DataError, match="refused, more than"):
        unpacked(tmp_path, kind, KINDS[kind]())
    assert tree(tmp_path / "target") == {}


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_on_the_disk_is_not_begun(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 30_000}))
    with pytest.raises(DataError, match="do not fit on the disk"):
        unpacked(tmp_path, kind, KINDS[kind]())


@pytest.mark.parametrize(
    "content", [b"", b"just text\n", gzip.compress(b"just text\n"), b"PK\x03\x04rest", NOISE], ids=len
)
def test_other_files_are_named(tmp_path, content):
    with pytest.raises(DataError, match=r"a\.tar\.gz: (neither|damaged)"):
        unpacked(tmp_path, "a.tar.gz", content)


def test_an_encrypted_zip_is_told(tmp_path):
    content = bytearray(zip_bytes({"a": b"1"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"unpack it into .* by other means"):
        unpacked(tmp_path, "a.zip", bytes(content))


def test_a_killed_attempt_leaves_nothing_for_the_next(tmp_path):
    (tmp_path / "target/.unpacking-a.zip/half").mkdir(parents=True)
    assert tree(unpacked(tmp_path, "a.zip", zip_bytes())) == MEMBERS
    assert not list((tmp_path / "target").glob(".*"))
