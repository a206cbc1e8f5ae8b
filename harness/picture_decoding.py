"""Any person's picture in the graph of a SavedModel, in bounded memory."""

from __future__ import annotations

import tensorflow as tf

from harness.endpoint_inputs import after


def decode_picture(encoded: tf.Tensor, most_megapixels: int) -> tf.Tensor:
    """Returns uint8 [height, width, 3] for the bytes of one PNG, JPEG, GIF (its first frame) or BMP picture.

    Pixels come as they are stored: neither turned as EXIF data say nor composed on white.

    Raises:
        InvalidArgumentError: the bytes are no such picture, or its header states more pixels; nothing is decoded then.
    """
    pixels = tf.reduce_prod(tf.cast(_stated_sides(encoded), tf.int64))
    too_large = f"expected a picture of at most {most_megapixels} megapixels"
    small = tf.debugging.assert_less_equal(pixels, tf.constant(most_megapixels * 1_000_000, tf.int64), too_large)
    picture = tf.io.decode_image(after([small], encoded), channels=3, expand_animations=False)
    return tf.ensure_shape(picture, [None, None, 3])


def _stated_sides(encoded: tf.Tensor) -> tf.Tensor:
    """Returns both sides int32 [2] that a picture's header states; zeros for what is no picture."""
    length = tf.strings.length(encoded)
    png = (tf.strings.substr(encoded, 0, 8) == b"\x89PNG\r\n\x1a\n") & (length >= 24)
    gif = (tf.strings.substr(encoded, 0, 4) == b"GIF8") & (length >= 10)
    bmp = (tf.strings.substr(encoded, 0, 2) == b"BM") & (length >= 26)
    jpeg = tf.strings.substr(encoded, 0, 3) == b"\xff\xd8\xff"

    def numbers(start: int, kind: tf.DType, *, little_endian: bool) -> tf.Tensor:
        both = tf.strings.substr(encoded, start, 2 * kind.size)
        return tf.cast(tf.io.decode_raw(both, kind, little_endian=little_endian), tf.int32)

    return tf.case(
        [
            (png, lambda: numbers(16, tf.int32, little_endian=False)),
            (gif, lambda: numbers(6, tf.uint16, little_endian=True)),
            # a negative height says that the rows stand top down
            (bmp, lambda: tf.abs(numbers(18, tf.int32, little_endian=True))),
            (jpeg, lambda: tf.io.extract_jpeg_shape(encoded)[:2]),
        ],
        default=lambda: tf.zeros([2], tf.int32),
    )
