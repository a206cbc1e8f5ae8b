"""The connectionist temporal classification loss with true lengths, on TensorFlow's native kernel."""

from __future__ import annotations

import itertools

import tensorflow as tf


def sparse_labels(labels: tf.Tensor) -> tf.SparseTensor:
    """Returns labels [n, longest] that end in -1s as the sparse tensor the native kernels take."""
    places = tf.where(labels >= 0)
    return tf.SparseTensor(places, tf.gather_nd(labels, places), tf.cast(tf.shape(labels), tf.int64))


def ctc_loss(labels: tf.Tensor, logits: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns -log p(labels | logits) of each sequence, in nats, summed over all paths.

    Sparse labels take the native kernel; dense ones a loop in plain operations that is ten times slower.

    Args:
        labels: int32 [n, longest], at least one in every row, -1 behind the last. The blank is the last class.
        logits: float [n, frames, classes]; computed in float32.
        lengths: int32 [n], real frames of each sequence.

    Returns:
        float32 [n]; infinite where no path exists: fewer frames than `frames_needed`. Leave such sequences out beforehand.

    Raises:
        tf.errors.InvalidArgumentError: fewer frames than labels, or a row without labels (on the CPU).

    Source: Graves et al., "Connectionist temporal classification", ICML 2006.

    >>> logits = tf.math.log([[[0.6, 0.4], [0.6, 0.4]]])
    >>> float(tf.exp(-ctc_loss(tf.constant([[0]]), logits, tf.constant([2]))[0]))  # 1 - 0.4 * 0.4
    0.84...
    """
    # tf.nn.ctc_loss would let a GPU swap in cuDNN's kernel, which wants the blank first and another copy of the logits. This one
    # runs on the CPU wherever the network runs, with the same result every time.
    return tf.compat.v1.nn.ctc_loss(
        sparse_labels(tf.cast(labels, tf.int32)),
        tf.cast(logits, tf.float32),
        tf.cast(lengths, tf.int32),
        time_major=False,
    )


def frames_needed(labels: list[int]) -> int:
    """Returns the fewest frames in which CTC can write the labels: one each, and a blank between equal neighbours.

    >>> frames_needed([1, 1, 2])
    4
    """
    return len(labels) + sum(left == right for left, right in itertools.pairwise(labels))
