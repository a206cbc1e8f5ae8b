"""Checks at the door of a SavedModel: what is wrong with an input is said in words, not by the first layer it breaks."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

PICTURE_BYTES = "expected the bytes of at least one PNG, JPEG, GIF or BMP file [n]"


def after(checks: Sequence[tf.Operation | None], values: tf.Tensor) -> tf.Tensor:
    """Returns the values once the checks have passed; a check that was made outside a graph is None and has passed already."""
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.identity(values)


def picture_bytes(pictures: tf.Tensor) -> tf.Tensor:
    """Returns the files' bytes [n], none of them empty.

    Raises:
        InvalidArgumentError: no picture, or an empty one.
    """
    some = tf.debugging.assert_positive(tf.size(pictures), f"{PICTURE_BYTES}, received none")
    filled = tf.debugging.assert_positive(tf.strings.length(pictures), f"{PICTURE_BYTES}, received an empty string")
    return after([some, filled], pictures)


def of_shape(values: tf.Tensor, shape: Sequence[int | None], expected: str) -> tf.Tensor:
    """Returns values [n, *shape], n at least 1.

    Args:
        expected: what the endpoint takes, in words, e.g. "expected images uint8 [n, 28, 28]".

    Raises:
        InvalidArgumentError: of another shape (the message names both), or none.
    """
    values = tf.ensure_shape(values, [None, *shape])
    some = tf.debugging.assert_positive(tf.size(values), f"{expected}, received none")
    return after([some], values)
