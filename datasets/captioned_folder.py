"""A person's own pictures with captions: a folder and a CSV file with the columns file and caption."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import DataError
from datasets.flickr8k import Captioned

TABLE = "captions.csv"


@dataclass(frozen=True)
class CaptionedFolder:
    """The pictures that have captions, by file name."""

    pictures: tuple[Captioned, ...]
    table: Path
    dropped: Mapping[str, int]
    """Reason -> number of rows or pictures left out."""


def read(folder: Path) -> CaptionedFolder:
    """Returns the pictures of a folder that its captions.csv names; several rows of one file are several captions.

    Raises:
        DataError: no such folder or table, a missing column, or no row whose picture is there.
    """
    table = folder / TABLE
    if not table.is_file():
        raise DataError(
            f"{table}: not there, expected a folder of pictures with a {TABLE} of the columns file, caption"
        )
    captions: dict[str, list[str]] = {}
    dropped: Counter[str] = Counter()
    for name, caption in _rows(table):
        if not caption:
            dropped["row without a caption"] += 1
        elif not _inside(folder, name):
            dropped["row whose picture is not in the folder"] += 1
        else:
            captions.setdefault(name, []).append(caption)
    if not captions:
        raise DataError(f"{table}: no row names a picture that is in {folder}; the column file holds paths below it")
    pictures = tuple(Captioned(folder / name, tuple(captions[name])) for name in sorted(captions))
    return CaptionedFolder(pictures, table, dict(dropped))


def _rows(table: Path):
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            absent = {"file", "caption"} - set(reader.fieldnames or ())
            if absent:
                raise DataError(
                    f"{table} row 1: no column {' and '.join(sorted(absent))}; expected a header with file and caption"
                )
            for row in reader:
                yield (row["file"] or "").strip(), (row["caption"] or "").strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: not a CSV table in UTF-8 ({error}); save it as CSV UTF-8") from error


def _inside(folder: Path, name: str) -> bool:
    path = (folder / name).resolve()
    return bool(name) and path.is_file() and path.is_relative_to(folder.resolve())
