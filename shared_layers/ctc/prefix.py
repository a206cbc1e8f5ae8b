"""How probable it is, by CTC, that labels go on as a decoder would have them: scores of prefixes, inside the graph."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from shared_layers.masking.frame_mask import frame_mask

NEVER = -1e9
"""Log-probability of what cannot be."""
LEAST = -30.0
"""Lowest log-probability of a class that counts, so that sums over many frames stay exact enough in float32."""


class Prefix(NamedTuple):
    """Labels so far, and the log-probability of all paths that write them in the frames up to each one.

    last: int32 [rows], the last label; the blank where there is none yet.
    score: float32 [rows], log-probability that the labels begin so.
    in_label, in_blank: float32 [rows, frames], of the paths that write just these labels, by whether the frame bears the last label or
        a blank.
    """

    last: tf.Tensor
    score: tf.Tensor
    in_label: tf.Tensor
    in_blank: tf.Tensor


def frozen(logits: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns log-probabilities in which padded frames are surely blank and so change nothing.

    Args:
        logits: [n, frames, classes]; the blank is the last class.
        lengths: int [n], real frames of each sequence.
    """
    log_probabilities = tf.maximum(tf.nn.log_softmax(tf.cast(logits, tf.float32)), LEAST)
    blank = tf.one_hot(tf.shape(logits)[-1] - 1, tf.shape(logits)[-1], on_value=0.0, off_value=NEVER)
    return tf.where(frame_mask(lengths, tf.shape(logits)[1])[..., None], log_probabilities, blank)


def empty_prefix(log_probabilities: tf.Tensor) -> Prefix:
    """Returns what decoding begins with: no label.

    Args:
        log_probabilities: float32 [rows, frames, classes], as `frozen` returns them.
    """
    in_blank = tf.cumsum(log_probabilities[..., -1], axis=1)
    rows, blank = tf.shape(in_blank)[0], tf.shape(log_probabilities)[-1] - 1
    return Prefix(tf.fill([rows], blank), tf.zeros([rows]), tf.fill(tf.shape(in_blank), NEVER), in_blank)


def prefix_scores(log_probabilities: tf.Tensor, prefix: Prefix) -> tf.Tensor:
    """Returns the log-probability that the labels begin with the prefix and go on with each label; at the blank's place that they
    end with it: float32 [rows, classes].

    Source: Hori, Watanabe and Hershey, "Joint CTC/attention decoding for end-to-end speech recognition", ACL 2017.

    >>> frames = tf.math.log([[[0.4, 0.6], [0.4, 0.6]]])  # p([0]) = 1 - 0.36
    >>> tf.exp(prefix_scores(frames, empty_prefix(frames))).numpy().round(2).tolist()
    [[0.6399999856948853, 0.36000001430511475]]
    """
    classes = tf.shape(log_probabilities)[-1]
    begun, repeated = _before_each_frame(prefix, classes - 1)
    again = tf.one_hot(prefix.last, classes, on_value=True, off_value=False)[:, None]
    paths = tf.where(again, repeated[..., None], begun[..., None]) + log_probabilities
    whole = tf.reduce_logsumexp([prefix.in_label[:, -1], prefix.in_blank[:, -1]], axis=0)
    return tf.concat([tf.reduce_logsumexp(paths, axis=1)[:, :-1], whole[:, None]], axis=-1)


def advanced(log_probabilities: tf.Tensor, prefix: Prefix, labels: tf.Tensor) -> Prefix:
    """Returns the prefixes with one label more, int32 [rows]; where it is the blank, as they were."""
    blank = tf.shape(log_probabilities)[-1] - 1
    begun, repeated = _before_each_frame(prefix, blank)
    entered = tf.where((labels == prefix.last)[:, None], repeated, begun)
    of_label = tf.gather(log_probabilities, labels, axis=-1, batch_dims=1)
    in_label = _run(entered, of_label)
    in_blank = _run(tf.pad(in_label[:, :-1], [[0, 0], [1, 0]], constant_values=NEVER), log_probabilities[..., -1])
    longer = Prefix(labels, tf.reduce_logsumexp(entered + of_label, axis=1), in_label, in_blank)
    goes_on = labels != blank
    chosen = (
        tf.where(goes_on if new.shape.rank == 1 else goes_on[:, None], new, old)
        for new, old in zip(longer, prefix, strict=True)
    )
    return Prefix(*chosen)


def _before_each_frame(prefix: Prefix, blank: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the log-probability of the paths before each frame, [rows, frames], after which another label begins, and those after
    which the same one begins again, which must have been left for a blank."""
    whole = tf.reduce_logsumexp([prefix.in_label, prefix.in_blank], axis=0)
    # before the first frame nothing has been written, which is the empty prefix
    first = tf.where(prefix.last == blank, 0.0, NEVER)[:, None]
    return tf.concat([first, whole[:, :-1]], axis=1), tf.concat([first, prefix.in_blank[:, :-1]], axis=1)


def _run(entered: tf.Tensor, stays: tf.Tensor) -> tf.Tensor:
    """Returns x with x[t] = log(exp(x[t - 1]) + exp(entered[t])) + stays[t], all [rows, frames]."""
    together = tf.cumsum(stays, axis=1)
    return together + tf.math.cumulative_logsumexp(entered - (together - stays), axis=1)
