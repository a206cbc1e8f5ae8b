"""Pictures of a person's own: any common format, upright, in bounded memory; folders with one subfolder a class."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.errors import DataError

FILE_TYPES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LARGEST = 400_000_000
"""Pixels; larger pictures are refused."""
REDUCED = 4096
"""Longer side in pixels above which a picture is read smaller."""
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class PictureList:
    """Pictures with their classes; not read yet."""

    paths: list[Path]
    labels: list[int]
    class_names: list[str]
    splits: list[str] | None = None
    """"train", "validation" or "test" of each picture, where the folder says so."""
    dropped: dict[str, int] = field(default_factory=dict)


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
    if path.stat().st_size == 0:
        raise DataError(f"{path}: an empty file, expected a picture")
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > LARGEST:
                raise DataError(
                    f"{path}: {picture.width} x {picture.height} pixels, at most {LARGEST:,} can be read; make it smaller"
                )
            picture.draft(None, (REDUCED, REDUCED))
            return np.asarray(_eight_bits(_smaller(ImageOps.exif_transpose(picture)), mode))
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not a picture (expected PNG, JPEG, WebP, BMP, GIF or TIFF)") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{path}: a damaged or truncated picture ({error})") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _smaller(picture: Image.Image) -> Image.Image:
    longest = max(picture.size)
    if longest <= REDUCED:
        return picture
    return (
        picture.reduce(-(-longest // REDUCED))
        if picture.mode not in ("1", "P")
        else picture.convert("RGB").reduce(-(-longest // REDUCED))
    )


def _eight_bits(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, np.float64)
        scale = 255.0 / 65535.0 if values.max(initial=0) > 255 else 1.0
        picture = Image.fromarray(np.clip(np.round(values * scale), 0, 255).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB").convert(mode) if picture.mode != mode else picture


def list_folder(folder: Path) -> PictureList:
    """Lists a folder with one subfolder of pictures a class, or with train/, validation/ and test/ of that form.

    Raises:
        DataError: no such folder, fewer than two classes, or a class without pictures.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder (expected one subfolder of pictures a class)")
    parts = [name for name in SPLITS if (folder / name).is_dir()]
    roots = {name: folder / name for name in parts} if {"train", "test"} <= set(parts) else {"": folder}
    class_names = sorted(
        {p.name for root in roots.values() for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}
    )
    if len(class_names) < 2:
        raise DataError(f"{folder}: {len(class_names)} subfolders, expected one for each of at least two classes")
    paths, labels, splits, dropped = [], [], [], Counter()
    for split, root in roots.items():
        for label, name in enumerate(class_names):
            files = sorted(p for p in (root / name).rglob("*") if p.is_file()) if (root / name).is_dir() else []
            found = [p for p in files if p.suffix.lower() in FILE_TYPES]
            if not found:
                raise DataError(f"{root / name}: a class without pictures ({', '.join(FILE_TYPES)})")
            if len(files) > len(found):
                dropped["not a picture file"] += len(files) - len(found)
            paths += found
            labels += [label] * len(found)
            splits += [split] * len(found)
    return PictureList(paths, labels, class_names, splits if "" not in roots else None, dict(dropped))


def list_csv(file: Path) -> PictureList:
    """Lists the pictures of a CSV file with the columns path (relative to the file's folder) and label.

    Raises:
        DataError: no such file or columns, no rows, or fewer than two classes.
    """
    file = Path(file)
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if not {"path", "label"} <= set(reader.fieldnames or ()):
                raise DataError(f"{file}: columns {', '.join(reader.fieldnames or ())}, expected path and label")
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as a UTF-8 CSV file ({error})") from error
    dropped, kept = Counter(), []
    for row in rows:
        path = file.parent / row["path"]
        if not row["label"]:
            dropped["no label"] += 1
        elif not path.is_file():
            dropped["missing file"] += 1
        else:
            kept.append((path, row["label"]))
    class_names = sorted({label for _, label in kept})
    if len(class_names) < 2:
        raise DataError(f"{file}: {len(class_names)} classes among {len(kept)} usable rows, expected at least two")
    return PictureList(
        [p for p, _ in kept], [class_names.index(label) for _, label in kept], class_names, None, dict(dropped)
    )
