"""Pictures of every format and mode, damaged and hostile ones, and lists of pictures with classes."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets import pictures
from datasets.errors import DataError
from datasets.pictures import list_csv, list_folder, read_picture

RGB = np.random.default_rng(3).integers(0, 256, (12, 17, 3)).astype(np.uint8)
GREY = RGB[..., 0]
SMOOTH = np.stack(np.broadcast_arrays(*np.ogrid[0:240:48j, 0:240:64j], 128), axis=-1).astype(np.uint8)
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "tif": "TIFF"}


def saved(folder: Path, picture: Image.Image, name: str, **options) -> Path:
    picture.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_lossless_formats_keep_every_value(tmp_path, ending):
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(RGB), f"a.{ending}")), RGB)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(GREY), f"b.{ending}"), "L"), GREY)


@pytest.mark.parametrize(("ending", "error"), [("jpg", 4), ("webp", 6), ("gif", 30)])
def test_lossy_formats_come_close(tmp_path, ending, error):
    read = read_picture(saved(tmp_path, Image.fromarray(SMOOTH), f"a.{ending}"))
    assert read.shape == SMOOTH.shape and read.dtype == np.uint8
    assert np.abs(read.astype(float) - SMOOTH).mean() < error


def test_grey_as_colour_and_colour_as_grey(tmp_path):
    np.testing.assert_array_equal(
        read_picture(saved(tmp_path, Image.fromarray(GREY), "g.png")), np.repeat(GREY[..., None], 3, -1)
    )
    expected = RGB @ [0.299, 0.587, 0.114]  # ITU-R 601 luma
    assert np.abs(read_picture(saved(tmp_path, Image.fromarray(RGB), "c.png"), "L") - expected).max() <= 1


def test_one_bit(tmp_path):
    bits = GREY > 127
    for ending in ("png", "bmp", "tif", "gif"):
        path = saved(tmp_path, Image.fromarray(bits), f"a.{ending}")
        np.testing.assert_array_equal(read_picture(path, "L"), bits * np.uint8(255))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file put together by its specification."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_a_value_span_black_to_white(tmp_path, depth):
    levels = 1 << depth
    row = int("".join(f"{value:0{depth}b}" for value in range(levels)).ljust(-(-levels * depth // 8) * 8, "0"), 2)
    (tmp_path / "a.png").write_bytes(png(levels, 1, depth, 0, b"\0" + row.to_bytes(-(-levels * depth // 8), "big")))
    read = read_picture(tmp_path / "a.png", "L")
    np.testing.assert_array_equal(read[0], np.round(np.linspace(0, 255, levels)))


@pytest.mark.parametrize("largest", [65535, 200])
def test_sixteen_bits_become_eight_whatever_the_largest_value(tmp_path, largest):
    values = np.linspace(0, largest, 12 * 17).reshape(12, 17).astype(np.uint16)
    expected = np.round(values / 65535 * 255)
    (tmp_path / "a.png").write_bytes(
        png(17, 12, 16, 0, b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))
    )
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", "L"), expected)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(values), "a.tif"), "L"), expected)
    assert read_picture(tmp_path / "a.png", "RGB").shape == (12, 17, 3)


@pytest.mark.parametrize(("scale", "kind"), [(1, "float32"), (255, "float32"), (255, "int32"), (65535, "int32")])
def test_floating_point_and_wide_integers_by_their_range(tmp_path, scale, kind):
    values = np.linspace(0, 1, 12 * 17).reshape(12, 17)
    read = read_picture(saved(tmp_path, Image.fromarray((values * scale).astype(kind)), "a.tif"), "L")
    assert np.abs(read - values * 255).max() <= 1


@pytest.mark.parametrize("value", [-1.0, 1e9, np.nan, np.inf])
def test_values_that_are_no_brightness_are_refused(tmp_path, value):
    path = saved(tmp_path, Image.fromarray(np.array([[0.0, value]], np.float32)), "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: values from"):
        read_picture(path)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_transparency_is_composed_on_white(tmp_path, ending):
    alpha = np.zeros((12, 17), np.uint8)
    alpha[:, 6:] = 255
    picture = Image.fromarray(np.dstack([RGB, alpha]))
    read = read_picture(saved(tmp_path, picture, f"a.{ending}", **({"lossless": True} if ending == "webp" else {})))
    assert (read[:, :6] == 255).all()
    np.testing.assert_array_equal(read[:, 6:], RGB[:, 6:])


def test_half_transparency_grey_alpha_and_palette_transparency(tmp_path):
    half = np.dstack([np.zeros((4, 4), np.uint8), np.full((4, 4), 128, np.uint8)])
    assert (
        np.abs(read_picture(saved(tmp_path, Image.fromarray(half, "LA"), "la.png"), "L").astype(int) - 127).max() <= 1
    )
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((0, 0), 0)
    for ending in ("png", "gif"):
        read = read_picture(saved(tmp_path, palette, f"p.{ending}", transparency=0))
        assert read[0, 0].tolist() == [255, 255, 255] and read[1, 1].tolist() == [40, 50, 60]
    grey = saved(tmp_path, Image.fromarray(np.array([[7, 90]], np.uint8)), "key.png", transparency=7)
    assert read_picture(grey, "L").tolist() == [[255, 90]]


def test_cmyk(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, 4:, 0] = 255  # Full cyan on the right, paper on the left.
    read = read_picture(saved(tmp_path, Image.fromarray(inks, "CMYK"), "a.tif"))
    assert read[0, 0].tolist() == [255, 255, 255] and read[0, 7].tolist() == [0, 255, 255]
    assert read_picture(saved(tmp_path, Image.fromarray(inks, "CMYK"), "a.jpg", quality=100)).shape == (8, 8, 3)


# What a viewer does with each EXIF orientation, written by hand for rows [[1, 2, 3], [4, 5, 6]].
ORIENTED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize(("orientation", "expected"), ORIENTED.items())
@pytest.mark.parametrize("ending", ["png", "webp", "tif", "jpg"])
def test_exif_orientation(tmp_path, ending, orientation, expected):
    values = np.kron(np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 40, np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(values), f"a.{ending}", exif=exif)
    expected = np.kron(np.array(expected) * 40, np.ones((16, 16)))
    read = read_picture(path, "L")
    assert read.shape == expected.shape and np.abs(read - expected).mean() < 2


def test_a_meaningless_orientation_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 9
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(RGB), "a.png", exif=exif)), RGB)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_the_first_frame_of_several(tmp_path, ending):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue", "lime")]
    path = saved(tmp_path, frames[0], f"a.{ending}", save_all=True, append_images=frames[1:])
    assert np.abs(read_picture(path)[4, 4].astype(int) - [255, 0, 0]).max() < 5


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "CMYK", "I;16"])
def test_large_pictures_are_read_smaller_in_every_mode(tmp_path, monkeypatch, mode):
    monkeypatch.setattr(pictures, "REDUCED", 50)
    grey = np.broadcast_to(np.linspace(0, 255, 200).astype(np.uint8), (120, 200))
    picture = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    read = read_picture(saved(tmp_path, picture, "a.tif"), "L")
    assert read.shape == (30, 50)
    assert np.abs(read.mean(axis=0) - np.linspace(0, 255, 200).reshape(50, 4).mean(axis=1)).max() < 20


def test_a_large_photograph_is_decoded_small(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (8_300, 4_200), "teal"), "a.jpg")
    tracemalloc.start()
    read = read_picture(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 2000 <= max(read.shape) <= pictures.REDUCED and np.abs(read[5, 5].astype(int) - [0, 128, 128]).max() < 4
    assert peak < 200e6


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    for width, height in ((20_001, 20_000), (60_000, 60_000)):
        (tmp_path / "a.png").write_bytes(png(width, height, 8, 2, b""))
        with pytest.raises(DataError, match=r"a\.png: a picture of more than 400 megapixels"):
            read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_truncated_files_are_answered(tmp_path, ending, share):
    path = saved(tmp_path, Image.fromarray(np.tile(RGB, (5, 5, 1))), f"a.{ending}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=rf"a\.{ending}: (not a picture|a damaged or truncated picture)"):
        read_picture(path)


@pytest.mark.parametrize(
    "content", [b"hello, this is text\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"GIF89a"], ids=len
)
def test_other_files_with_a_picture_ending_are_answered(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: (not a picture|a damaged)"):
        read_picture(tmp_path / "a.png")


def test_empty_and_missing_files_are_named(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(DataError, match=r"a\.png: an empty file"):
        read_picture(tmp_path / "a.png")
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(DataError, match="no such file"):
            read_picture(path)


@pytest.mark.parametrize("ending", FORMATS)
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.floats(0, 0.9999), min_size=1, max_size=6), value=st.integers(0, 255))
def test_damage_is_answered_by_a_picture_or_a_data_error(tmp_path_factory, ending, places, value):
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, FORMATS[ending])
    content = bytearray(stream.getvalue())
    for place in places:
        content[int(place * len(content))] = value
    path = tmp_path_factory.mktemp("damaged") / f"a.{ending}"
    path.write_bytes(content)
    try:
        read = read_picture(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        elif path.suffix in (".png", ".JPG"):
            Image.fromarray(RGB).save(path, "PNG")
        else:
            path.write_text("text")
    return folder


def test_one_subfolder_a_class(tmp_path):
    listed = list_folder(
        tree(tmp_path, "dog/b.png", "dog/a.JPG", "cat/more/c.png", "cat/notes.txt", "readme.txt", "cat/.x.png")
    )
    assert listed.class_names == ["cat", "dog"] and listed.splits is None
    assert [str(path.relative_to(tmp_path)) for path in listed.paths] == ["cat/more/c.png", "dog/a.JPG", "dog/b.png"]
    assert listed.labels == [0, 1, 1]
    assert listed.dropped == {"not a picture file": 1, "file beside the class folders": 1}


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_train_validation_and_test_folders(tmp_path, validation):
    tree(tmp_path, "train/a/1.png", "train/b/2.png", f"{validation}/b/3.png", "test/a/4.png", "test/b/5.png")
    listed = list_folder(tmp_path)
    assert listed.class_names == ["a", "b"] and listed.labels == [0, 1, 1, 0, 1]
    assert listed.splits == ["train", "train", "validation", "test", "test"]
    assert [path.name for path in listed.paths] == ["1.png", "2.png", "3.png", "4.png", "5.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/1.png", "b/"], "b: a class without pictures"),
        (["a/1.png", "b/text.txt"], "b: a class without pictures"),
        (["a/1.png"], "1 subfolders, expected"),
        (["1.png"], "0 subfolders, expected"),
        (["train/a/1.png", "train/b/1.png"], "holds train; expected train, test"),
        (["train/a/1.png", "validation/a/1.png"], "holds train, validation; expected"),
        (["train/a/1.png", "train/b/1.png", "test/a/1.png", "more/a/1.png"], "holds more, test, train"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "c: a class that train/ does not have"),
        (["train/a/1.png", "train/b/1.png", "test/a/"], "a: a class without pictures"),
        (["train/a/1.png", "train/b/1.png", "test/"], "test: no subfolders"),
    ],
)
def test_folders_that_cannot_be_used_are_told(tmp_path, names, message):
    with pytest.raises(DataError, match=message):
        list_folder(tree(tmp_path, *names))


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        list_folder(tmp_path / "none")


def test_a_file_instead_of_a_folder_is_told(tmp_path):
    (tmp_path / "1.png").touch()
    with pytest.raises(DataError, match=r"1\.png: a file, expected a folder"):
        list_folder(tmp_path / "1.png")


def table(folder: Path, text: str) -> Path:
    tree(folder, "1.png", "deep/2.png")
    (folder / "t.csv").write_bytes(text.encode())
    return folder / "t.csv"


def test_csv_of_paths_and_labels(tmp_path):
    path = table(tmp_path, "\ufefflabel,path,more\ndog,1.png,x\ncat,deep/2.png,y\n,1.png,\ncat,none.png,\n")
    listed = list_csv(path)
    assert listed.paths == [tmp_path / "1.png", tmp_path / "deep/2.png"]
    assert listed.class_names == ["cat", "dog"] and listed.labels == [1, 0] and listed.splits is None
    assert listed.dropped == {"row without a label": 1, "row whose file is missing": 1}


def test_csv_with_splits(tmp_path):
    listed = list_csv(table(tmp_path, "path,label,split\n1.png,a,train\ndeep/2.png,b,test\n"))
    assert listed.splits == ["train", "test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns none, expected path and label"),
        ("file,class\n1.png,a\n", "columns file, class, expected"),
        ("path,label\n1.png,a\ndeep/2.png,a\n", "1 classes in 2 usable rows"),
        ("path,label\nx.png,a\ny.png,b\n", "0 classes in 0 usable rows.*'row whose file is missing': 2"),
        ("path,label,split\n1.png,a,train\ndeep/2.png,b,dev\n", "row 3: split 'dev'"),
        ("path,label,split\n1.png,a,train\ndeep/2.png,b,train\n", "names train; expected train and test"),
        ("path,label\n1.png\ndeep/2.png,b\n", "1 classes in 1 usable"),
        ("path,label\n1.png,a\ndeep/2.png,b,c\n", r"row 3: 3 values in 2 columns \(path, label\)"),
        ("path,label,labels\n1.png,a,a\n", "columns path, label, labels, expected path and label"),
        ("path,labels\n1.png,a\ndeep/2.png,a\n", "1 classes in 2 usable rows"),
    ],
)
def test_tables_that_cannot_be_used_are_told(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        list_csv(table(tmp_path, text))


@pytest.mark.parametrize("content", [b"path,label\n\xff\xfe,a\n", b"\x89PNG\r\n\x1a\n\0\0"])
def test_a_table_that_is_none_is_named(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.csv"):
        list_csv(tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"none\.csv"):
        list_csv(tmp_path / "none.csv")


def test_a_csv_with_several_labels_a_picture(tmp_path):
    listed = list_csv(table(tmp_path, 'path,labels\n1.png,"3 7"\ndeep/2.png,\n1.png,7  3 3\nnone.png,3\n'))
    assert listed.several_labels and listed.class_names == ["3", "7"]
    assert listed.labels == [(0, 1), (), (0, 1)]
    assert listed.left_out == [("t.csv row 5: none.png", "row whose file is missing")]


def test_bars_part_labels_with_spaces_in_them(tmp_path):
    listed = list_csv(table(tmp_path, "path,labels\n1.png,red shoe|blue bag\ndeep/2.png,red shoe\n"))
    assert listed.class_names == ["blue bag", "red shoe"] and listed.labels == [(0, 1), (1,)]


def halved(picture: np.ndarray) -> np.ndarray:
    return picture[:4, :4]


def test_what_is_not_read_and_what_is_disputed_has_a_name_and_a_reason(tmp_path):
    """The same picture under two labels is disputed in either place, in whatever format; under one label twice it is not."""
    tree(tmp_path, "cat/a.png", "cat/twice.png", "dog/b.png", "dog/broken.png", "dog/c.png", "cat/notes.txt")
    for name, shade in (("cat/twice", 9), ("dog/c", 80)):
        Image.fromarray(np.full((12, 17, 3), shade, np.uint8)).save(tmp_path / f"{name}.png")
    Image.fromarray(np.full((12, 17, 3), 9, np.uint8)).save(tmp_path / "cat" / "again.tif")
    (tmp_path / "dog" / "broken.png").write_bytes(b"no picture")
    listed = list_folder(tmp_path)
    read = pictures.read_all(listed, halved, "RGB")
    assert [listed.paths[place].name for place in read.places] == ["again.tif", "twice.png", "c.png"]
    assert read.images.shape == (3, 4, 4, 3) and read.images[:, 0, 0, 0].tolist() == [9, 9, 80]
    reasons = {Path(name).name: reason for name, reason in [*listed.left_out, *read.left_out]}
    assert reasons["notes.txt"] == "not a picture file"
    assert reasons["broken.png"].startswith("unreadable picture: not a picture, expected PNG")
    assert reasons["a.png"] == f"disputed label: cat here, the same picture is dog in {tmp_path / 'dog' / 'b.png'}"
    assert reasons["b.png"] == f"disputed label: dog here, the same picture is cat in {tmp_path / 'cat' / 'a.png'}"
    assert set(reasons) == {"notes.txt", "broken.png", "a.png", "b.png"}


def test_disputed_sets_of_labels(tmp_path):
    listed = list_csv(table(tmp_path, "path,labels\n1.png,a b\n1.png,a\ndeep/2.png,\n"))
    with pytest.raises(DataError, match="every picture is there under two labels"):
        pictures.read_all(listed, halved, "L")
