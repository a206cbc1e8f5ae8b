"""Flickr8k: photographs with five captions each (Hodosh, Young and Hockenmaier 2013)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasets.errors import DataError
from datasets.fetch import Download, ensure

RELEASE = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"
PICTURES = "Flicker8k_Dataset"
CAPTIONS = "Flickr8k_text/Flickr8k.token.txt"
LISTS = {
    "train": "Flickr8k_text/Flickr_8k.trainImages.txt",
    "dev": "Flickr8k_text/Flickr_8k.devImages.txt",
    "test": "Flickr8k_text/Flickr_8k.testImages.txt",
}
NOTICE = "Flickr8k (Hodosh, Young and Hockenmaier 2013), for research use; the photographs belong to their authors."


@dataclass(frozen=True)
class Captioned:
    """One picture with its captions as written."""

    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Flickr8k:
    """The official lists, each in its own order; a list whose file is absent is empty."""

    train: tuple[Captioned, ...]
    dev: tuple[Captioned, ...]
    test: tuple[Captioned, ...]
    files: tuple[Path, ...]
    """Caption file and lists, for a checksum."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of pictures, captions or lines left out."""


def load() -> Flickr8k:
    """Returns Flickr8k from the data folder, downloaded there if it is absent.

    Raises:
        DataError: absent and not to be downloaded, or not laid out as the official archives unpack.
    """
    folder = ensure(
        "flickr8k",
        [PICTURES, CAPTIONS, LISTS["train"], LISTS["dev"]],
        [
            Download(f"{RELEASE}/Flickr8k_Dataset.zip", unpack_to="."),
            Download(f"{RELEASE}/Flickr8k_text.zip", unpack_to="Flickr8k_text"),
        ],
        remedy="unpack Flickr8k_Dataset.zip there, and Flickr8k_text.zip into its folder Flickr8k_text",
    )
    return read(folder)


def read(folder: Path) -> Flickr8k:
    """Returns Flickr8k from a folder laid out as the official archives unpack; the test list may be absent.

    Raises:
        DataError: a file is absent or a line is not `picture.jpg#0<tab>caption`.
    """
    for name in (PICTURES, CAPTIONS, LISTS["train"], LISTS["dev"]):
        if not (folder / name).exists():
            raise DataError(f"{folder / name}: not there, expected the official Flickr8k layout; unpack both archives")
    dropped: Counter[str] = Counter()
    captions = read_captions(folder / CAPTIONS)
    present = {path.name for path in (folder / PICTURES).iterdir()}
    lists, listed = {}, set()
    for split, name in LISTS.items():
        path = folder / name
        names = path.read_text("utf-8").split() if path.is_file() else []
        listed.update(names)
        lists[split] = tuple(_captioned(folder / PICTURES, names, captions, present, split, dropped))
    _count("picture in none of the lists", len(present - listed), dropped)
    _count("captioned picture that is not there", len(set(captions) - present - listed), dropped)
    files = tuple(folder / name for name in (CAPTIONS, *LISTS.values()) if (folder / name).is_file())
    return Flickr8k(**lists, files=files, dropped=dict(dropped))


def read_captions(path: Path) -> dict[str, tuple[str, ...]]:
    """Returns picture name -> captions in the order of their numbers, of lines `picture.jpg#0<tab>caption`.

    Raises:
        DataError: another kind of line, or text that is not UTF-8.
    """
    captions: dict[str, list[tuple[str, str]]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text ({error}); take the official file") from error
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        name, hash_sign, number = key.rpartition("#")
        if not (tab and hash_sign and number.isdigit() and caption.strip()):
            raise DataError(f"{path} line {row}: {line[:60]!r}, expected picture.jpg#0, a tab and the caption")
        captions.setdefault(name, []).append((number, caption.strip()))
    return {name: tuple(caption for _, caption in sorted(items)) for name, items in captions.items()}


def _captioned(folder, names, captions, present, split, dropped):
    for name in dict.fromkeys(names):
        if name not in present:
            _count(f"picture of the {split} list that is not there", 1, dropped)
        elif name not in captions:
            _count(f"picture of the {split} list without captions", 1, dropped)
        else:
            yield Captioned(folder / name, captions[name])


def _count(reason: str, number: int, dropped: Counter[str]) -> None:
    if number:
        dropped[reason] += number
