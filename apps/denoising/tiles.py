"""Cleaning a picture of any size in bounded memory: large ones in overlapping tiles, in the graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from shared_layers.images.reflection_padding import reflected

TILE = 512
"""Side of the square that the network sees at once, pixels."""
MARGIN = 64
"""Pixels around each tile that are computed and thrown away; more than the network sees to any side."""
STEP = TILE - 2 * MARGIN


def clean_picture(model: Any, noisy: tf.Tensor) -> tf.Tensor:
    """Returns the cleaned picture, clipped to 0..1, same shape.

    A picture of at most 512 x 512 pixels passes through the network whole. A larger one is cut into tiles that overlap by
    more than the network's receptive field; away from the picture's edge the answer is that of the whole picture.

    Args:
        model: pictures [n, height, width, channels] -> cleaned, same shape; fully convolutional.
        noisy: float32 [height, width, channels] around 0..1.
    """
    shape = tf.shape(noisy)
    cleaned = tf.cond(
        tf.reduce_max(shape[:2]) <= TILE,
        lambda: model(noisy[None], training=False)[0],
        lambda: _in_tiles(model, noisy),
    )
    return tf.ensure_shape(tf.clip_by_value(cleaned, 0.0, 1.0), noisy.shape)


def _in_tiles(model: Any, noisy: tf.Tensor) -> tf.Tensor:
    height, width, channels = tf.unstack(tf.shape(noisy))
    rows, columns = -(-height // STEP), -(-width // STEP)
    padded = tf.gather(noisy, reflected(height, rows * STEP + MARGIN, MARGIN), axis=0)
    padded = tf.gather(padded, reflected(width, columns * STEP + MARGIN, MARGIN), axis=1)

    def clean_tile(place: tf.Tensor) -> tf.Tensor:
        top, left = STEP * (place // columns), STEP * (place % columns)
        tile = model(padded[None, top : top + TILE, left : left + TILE], training=False)[0]
        return tf.ensure_shape(tile[MARGIN:-MARGIN, MARGIN:-MARGIN], [STEP, STEP, noisy.shape[-1]])

    signature = tf.TensorSpec([STEP, STEP, noisy.shape[-1]], tf.float32)
    tiles = tf.map_fn(clean_tile, tf.range(rows * columns), fn_output_signature=signature, parallel_iterations=1)
    tiles = tf.reshape(tiles, [rows, columns, STEP, STEP, channels])
    whole = tf.reshape(tf.transpose(tiles, [0, 2, 1, 3, 4]), [rows * STEP, columns * STEP, channels])
    return whole[:height, :width]
