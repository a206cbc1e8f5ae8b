"""From any picture to the network's square form, in the graph."""

from __future__ import annotations

import tensorflow as tf

from harness.endpoint_inputs import after

LARGEST = 100_000_000
"""Pixels of the largest picture an endpoint decodes."""


def to_square(picture: tf.Tensor, size: int) -> tf.Tensor:
    """Returns the middle square of a picture uint8 [height, width, 3], resized with antialiasing to uint8 [size, size, 3]."""
    picture = tf.convert_to_tensor(picture)
    height, width = tf.shape(picture)[0], tf.shape(picture)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    resized = tf.image.resize(square, [size, size], antialias=True)
    return tf.ensure_shape(tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8), [size, size, 3])


def from_bytes(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Returns uint8 [size, size, 3] for the bytes of one PNG, JPEG, GIF or BMP picture of any size.

    Raises:
        InvalidArgumentError: the bytes are no such picture, or it has no pixels or too many.
    """
    most = f"expected a picture of at most {LARGEST // 10**6} megapixels"
    stated = tf.reduce_prod(tf.cast(stated_sides(encoded), tf.int64))
    small = tf.debugging.assert_less_equal(stated, tf.constant(LARGEST, tf.int64), most)
    picture = tf.io.decode_image(after([small], encoded), channels=3, expand_animations=False)
    picture.set_shape([None, None, 3])
    pixels = tf.reduce_prod(tf.shape(picture)[:2])
    tf.debugging.assert_positive(pixels, "expected a picture of at least one pixel")
    tf.debugging.assert_less_equal(pixels, LARGEST, most)
    return to_square(picture, size)


def stated_sides(encoded: tf.Tensor) -> tf.Tensor:
    """Returns both sides int32 [2] that the header of a PNG or JPEG picture states; zeros for anything else.

    Raises:
        InvalidArgumentError: the bytes begin as a JPEG picture does and are none.
    """
    png = (tf.strings.substr(encoded, 0, 8) == b"\x89PNG\r\n\x1a\n") & (tf.strings.length(encoded) >= 24)
    jpeg = tf.strings.substr(encoded, 0, 3) == b"\xff\xd8\xff"
    return tf.case(
        [
            (png, lambda: tf.io.decode_raw(tf.strings.substr(encoded, 16, 8), tf.int32, little_endian=False)),
            (jpeg, lambda: tf.io.extract_jpeg_shape(encoded)[:2]),
        ],
        default=lambda: tf.zeros([2], tf.int32),
    )
