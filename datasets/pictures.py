"""Pictures of a person's own: any common format, upright, in bounded memory; folders with one subfolder a class, CSV tables."""

from __future__ import annotations

import csv
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from datasets.errors import DataError

FILE_TYPES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
LARGEST = 400_000_000
"""Pixels; larger pictures are refused."""
REDUCED = 4096
"""Longer side in pixels above which a picture is read smaller."""
SPLITS = ("train", "validation", "test")
_SPLIT_FOLDERS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TO_EIGHT_BITS = np.round(np.arange(65536) / 257).astype(np.uint8)

# Pillow's own limit stands below ours; between one and two times the limit it only warns.
Image.MAX_IMAGE_PIXELS = LARGEST
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class PictureList:
    """Pictures with their classes; not read yet."""

    paths: list[Path]
    labels: list[int] | list[tuple[int, ...]]
    """The class of each picture; or the classes, none to all, where a picture may have several labels."""
    class_names: list[str]
    splits: list[str] | None = None
    """"train", "validation" or "test" of each picture, where the folder or table says so; then both train and test occur."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """What is not among the pictures: the file or row, and the reason."""
    several_labels: bool = False
    """Whether a picture may have several labels."""

    @property
    def dropped(self) -> dict[str, int]:
        """Reason -> number of files or rows left out."""
        return dict(Counter(reason for _, reason in self.left_out))


@dataclass(frozen=True)
class ReadPictures:
    """What could be read of a PictureList and may be learnt from."""

    images: np.ndarray
    """[n, ...], converted, of equal size."""
    places: list[int]
    """Of the n pictures in the list."""
    left_out: list[tuple[str, str]]
    """The other files, and why: unreadable, or the same picture under two labels."""


def read_picture(path: Path, mode: Literal["RGB", "L"] = "RGB") -> np.ndarray:
    """Reads a picture of any common format.

    EXIF rotation is applied, transparency composed on white, 16-bit values scaled to 8 bits, the first frame of an
    animation taken, and a picture with a side above 4,096 pixels read smaller.

    Returns:
        uint8 [height, width, 3], or [height, width] for mode "L".

    Raises:
        DataError: absent, empty, truncated, no picture, or more than 400 megapixels.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        # Given a path instead of a stream, Pillow 13 scrambles TIFF pictures that lie on their side.
        with path.open("rb") as stream, Image.open(stream, formats=_FORMATS) as picture:
            if picture.width * picture.height > LARGEST:
                raise _too_large(path)
            picture.draft(None, (REDUCED, REDUCED))
            picture.load()  # Pillow turns TIFF pictures upright by itself here, and only those.
            orientation = picture.getexif().get(_ORIENTATION)
            picture = _smaller(_eight_bits(path, picture))
            if orientation in _UPRIGHT:
                picture = picture.transpose(_UPRIGHT[orientation])
            return np.asarray(_on_white(picture).convert(mode))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except PermissionError as error:
        raise DataError(f"{path}: may not be read by this user") from error
    except UnidentifiedImageError as error:
        what = "an empty file" if path.stat().st_size == 0 else "not a picture"
        raise DataError(
            f"{path}: {what}, expected PNG, JPEG, WebP, BMP, GIF or TIFF; save it as one of them"
        ) from error
    except Exception as error:  # Pillow's readers answer damage with errors of a dozen kinds.
        raise DataError(f"{path}: a damaged or truncated picture ({error}); replace it") from error


def _too_large(path: Path) -> DataError:
    return DataError(f"{path}: a picture of more than {LARGEST // 1_000_000} megapixels; make it smaller")


def _eight_bits(path: Path, picture: Image.Image) -> Image.Image:
    """Returns the picture in a mode of 8 bits a channel that can be reduced: L, LA, RGB, RGBA or CMYK."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray(_TO_EIGHT_BITS[np.asarray(picture)])
    if picture.mode in ("I", "F"):
        return Image.fromarray(_scaled(path, np.asarray(picture)))
    if "transparency" in picture.info and picture.mode != "RGBA":
        return picture.convert("RGBA")
    if picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return picture
    return picture.convert({"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}.get(picture.mode, "RGB"))


def _scaled(path: Path, values: np.ndarray) -> np.ndarray:
    """Returns whole numbers or fractions of 0 to 1, 0 to 255 or 0 to 65535 as uint8."""
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 65535):
        raise DataError(f"{path}: values from {low:g} to {high:g}, expected 0 to 1, 0 to 255 or 0 to 65535; scale them")
    fractions = values.dtype.kind == "f" and high <= 1
    largest = 1 if fractions else 255 if high <= 255 else 65535
    return np.round(values * np.float32(255 / largest)).astype(np.uint8)


def _smaller(picture: Image.Image) -> Image.Image:
    factor = -(-max(picture.size) // REDUCED)
    return picture.reduce(factor) if factor > 1 else picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("LA", "RGBA"):
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def list_any(place: Path) -> PictureList:
    """Lists a folder (`list_folder`) or a CSV file (`list_csv`)."""
    place = Path(place)
    return list_csv(place) if place.suffix.lower() == ".csv" else list_folder(place)


def read_all(
    listed: PictureList, convert: Callable[[np.ndarray], np.ndarray], mode: Literal["RGB", "L"]
) -> ReadPictures:
    """Reads every listed picture that can be read, and leaves out those whose label is disputed.

    A label is disputed where the same picture, pixel for pixel, is listed again with another label; which one is right
    cannot be known, so that neither is taken.

    Args:
        convert: of one picture to the form, of equal size, that is kept.

    Raises:
        DataError: none can be read.
    """
    images, places, digests, left_out = [], [], [], []
    for place, path in enumerate(listed.paths):
        try:
            picture = read_picture(path, mode=mode)
        except DataError as error:
            left_out.append((str(path), f"unreadable picture: {str(error).removeprefix(f'{path}: ')}"))
            continue
        images.append(convert(picture))
        places.append(place)
        digests.append((picture.shape, hashlib.sha256(picture.tobytes()).digest()))
    if not images:
        common = Path(os.path.commonpath([path.parent for path in listed.paths]))
        raise DataError(f"{common}: none of {len(listed.paths)} pictures can be read; save them as PNG or JPEG")
    disputed = _disputed(listed, places, digests)
    kept = [number for number, place in enumerate(places) if place not in disputed]
    left_out += [(str(listed.paths[place]), reason) for place, reason in disputed.items()]
    if not kept:
        raise DataError(f"{listed.paths[0].parent}: every picture is there under two labels; keep one of each")
    return ReadPictures(np.stack([images[number] for number in kept]), [places[number] for number in kept], left_out)


def _disputed(listed: PictureList, places: Sequence[int], digests: Sequence[object]) -> dict[int, str]:
    """Returns place -> reason of the pictures that are there again under another label."""
    copies: dict[object, list[int]] = {}
    for place, digest in zip(places, digests, strict=True):
        copies.setdefault(digest, []).append(place)
    answer = {}
    for group in copies.values():
        if len({listed.labels[place] for place in group}) < 2:
            continue
        for place in group:
            other = next(other for other in group if listed.labels[other] != listed.labels[place])
            answer[place] = (
                f"disputed label: {_said(listed, place)} here, the same picture is {_said(listed, other)} in "
                f"{listed.paths[other]}"
            )
    return dict(sorted(answer.items()))


def _said(listed: PictureList, place: int) -> str:
    label = listed.labels[place]
    numbers = label if isinstance(label, tuple) else (label,)
    return " ".join(listed.class_names[number] for number in numbers) or "without a label"


def list_folder(folder: Path) -> PictureList:
    """Lists a folder with one subfolder of pictures a class, or with train/, test/ and maybe validation/ of that form.

    Raises:
        DataError: no such folder, fewer than two classes, a class without pictures, train/ without test/, or a class
            that train/ does not have.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "a file" if folder.is_file() else "there is no such folder"
        raise DataError(
            f"{folder}: {what}, expected a folder with one subfolder of pictures for each class, or a CSV file of path,label"
        )
    dropped: list[tuple[str, str]] = []
    names = _subfolders(folder, dropped)
    given = {name: _SPLIT_FOLDERS[name] for name in names if name in _SPLIT_FOLDERS}
    if not given:
        paths, labels = _of_classes(folder, names, names, dropped)
        return PictureList(paths, labels, names, None, dropped)
    if not {"train", "test"} <= set(given) or len(set(given.values())) < len(names):
        raise DataError(f"{folder}: holds {', '.join(names)}; expected train, test and maybe validation, nothing else")
    class_names = _subfolders(folder / "train", dropped)
    paths, labels, splits = [], [], []
    for name, split in sorted(given.items(), key=lambda item: SPLITS.index(item[1])):
        present = class_names if name == "train" else _subfolders(folder / name, dropped)
        if not present:
            raise DataError(f"{folder / name}: no subfolders, expected one of pictures for each class")
        found, of_class = _of_classes(folder / name, present, class_names, dropped)
        paths += found
        labels += of_class
        splits += [split] * len(found)
    return PictureList(paths, labels, class_names, splits, dropped)


def _subfolders(folder: Path, dropped: list[tuple[str, str]]) -> list[str]:
    items = [item for item in folder.iterdir() if not item.name.startswith(".")]
    dropped += [(str(item), "file beside the class folders") for item in sorted(items) if not item.is_dir()]
    return sorted(item.name for item in items if item.is_dir())


def _of_classes(
    folder: Path, present: Sequence[str], class_names: Sequence[str], dropped: list[tuple[str, str]]
) -> tuple[list[Path], list[int]]:
    if len(class_names) < 2:
        raise DataError(f"{folder}: {len(class_names)} subfolders, expected one for each of at least two classes")
    paths, labels = [], []
    for name in present:
        if name not in class_names:
            raise DataError(f"{folder / name}: a class that train/ does not have; add it there or take it out here")
        files = sorted(p for p in (folder / name).rglob("*") if p.is_file() and not p.name.startswith("."))
        pictures = {p: p.suffix.lower() in FILE_TYPES for p in files}
        found = [p for p in files if pictures[p]]
        if not found:
            raise DataError(
                f"{folder / name}: a class without pictures (expected files ending in {', '.join(FILE_TYPES)})"
            )
        dropped += [(str(p), "not a picture file") for p in files if not pictures[p]]
        paths += found
        labels += [class_names.index(name)] * len(found)
    return paths, labels


def list_csv(file: Path) -> PictureList:
    """Lists the pictures of a CSV file with the columns path (from the file's folder), label and, optionally, split.

    With the column labels instead of label, a picture may have several labels or none: they stand between spaces, or
    between bars where the column has a bar anywhere ("3 7", "red shoe|blue bag").

    Raises:
        DataError: no such file or columns, a row with more values than columns, a split of another name, or fewer than two
            classes.
    """
    file = Path(file)
    rows = _rows(file)
    several = bool(rows) and "label" not in rows[0][1]
    separator = "|" if several and any("|" in (row["labels"] or "") for _, row in rows) else None
    left_out: list[tuple[str, str]] = []
    kept = []
    for number, row in rows:
        path, split = file.parent / (row["path"] or ""), row.get("split")
        text = (row["labels" if several else "label"] or "").strip()
        names = {name.strip() for name in text.split(separator)} - {""} if several else {text}
        if split is not None and split not in SPLITS:
            raise DataError(f"{file} row {number}: split {split!r}, expected train, validation or test")
        if not several and not text:
            left_out.append((f"{file.name} row {number}: {row['path']}", "row without a label"))
        elif not path.is_file():
            left_out.append((f"{file.name} row {number}: {row['path']}", "row whose file is missing"))
        else:
            kept.append((path, names, split))
    class_names = sorted({name for _, names, _ in kept for name in names})
    if len(class_names) < 2:
        counts = dict(Counter(reason for _, reason in left_out))
        raise DataError(
            f"{file}: {len(class_names)} classes in {len(kept)} usable rows, expected two or more (left out: {counts})"
        )
    splits = [split for _, _, split in kept]
    if splits[0] is not None and not {"train", "test"} <= set(splits):
        raise DataError(f"{file}: its column split names {', '.join(sorted(set(splits)))}; expected train and test")
    labels = [tuple(sorted(map(class_names.index, names))) for _, names, _ in kept]
    return PictureList(
        [path for path, _, _ in kept],
        labels if several else [label for (label,) in labels],
        class_names,
        splits if splits[0] is not None else None,
        left_out,
        several,
    )


def _rows(file: Path) -> list[tuple[int, dict[str, str | None]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or ()
            if "path" not in columns or len({"label", "labels"} & set(columns)) != 1:
                raise DataError(
                    f"{file}: columns {', '.join(columns) or 'none'}, expected path and label (or labels, several a picture)"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read as a CSV table in UTF-8 ({error}); save it as CSV UTF-8") from error
    for number, row in rows:
        if None in row:
            raise DataError(
                f"{file} row {number}: {len(columns) + len(row[None])} values in {len(columns)} columns "
                f"({', '.join(columns)}); put a value that has a comma in it between double quotes"
            )
    return rows
