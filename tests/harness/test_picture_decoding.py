"""Pictures decoded in the graph: equal to Pillow's, and refused by their header where they are too large."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from harness.picture_decoding import decode_picture

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8))


def encoded(kind, picture=PICTURE):
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return bytearray(buffer.getvalue())


def with_sides(kind, width, height):
    content = encoded(kind)
    if kind == "PNG":
        content[16:24] = struct.pack(">II", width, height)
    elif kind == "GIF":
        content[6:10] = struct.pack("<HH", width, height)
    elif kind == "BMP":
        content[18:26] = struct.pack("<ii", width, -height)
    else:
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


@pytest.fixture(scope="module")
def decode():
    return tf.function(lambda one: decode_picture(one, 2), input_signature=[tf.TensorSpec([], tf.string)])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_pixels_are_those_of_the_file(decode, kind):
    content = bytes(encoded(kind))
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_array_equal(decode(content), np.array(picture.convert("RGB")))


def test_jpeg_is_within_rounding_of_pillow(decode):
    content = bytes(encoded("JPEG", Image.new("RGB", (9, 6), (200, 30, 40))))
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_allclose(decode(content), np.array(picture), atol=2)


def test_one_channel_becomes_three(decode):
    content = bytes(encoded("PNG", Image.new("L", (4, 3), 77)))
    np.testing.assert_array_equal(decode(content), np.full((3, 4, 3), 77))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
@pytest.mark.parametrize("sides", [(1500, 1500), (60_000, 60_000)])
def test_a_header_of_too_many_pixels_is_refused_before_anything_is_decoded(decode, kind, sides):
    content = with_sides(kind, *sides)
    for stated in (content, content[: len(content) - 20]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected a picture of at most 2 megapixels"):
            decode(stated)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"plain text, and more of it"]
)
def test_what_is_no_picture_is_an_invalid_argument(decode, content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(content)
