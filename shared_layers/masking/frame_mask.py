"""Masks from explicit lengths: which frames of a padded batch are real."""

from __future__ import annotations

from typing import Any

from keras import ops


def frame_mask(lengths: Any, frames: Any) -> Any:
    """Returns which frames are real.

    Args:
        lengths: int [n], real frames of each sequence.
        frames: frames of the padded batch.

    Returns:
        bool [n, frames].

    >>> frame_mask([1, 3], 3).numpy().tolist()
    [[True, False, False], [True, True, True]]
    """
    return ops.arange(frames, dtype="int32")[None, :] < ops.cast(lengths, "int32")[:, None]


def zero_padded_frames(sequences: Any, lengths: Any) -> Any:
    """Returns the sequences with zeros in the frames beyond their lengths.

    Args:
        sequences: [n, frames, ...].
        lengths: int [n].

    >>> zero_padded_frames(ops.ones((1, 3, 1)), [2]).numpy().ravel().tolist()
    [1.0, 1.0, 0.0]
    """
    mask = frame_mask(lengths, ops.shape(sequences)[1])
    mask = ops.reshape(mask, (*ops.shape(mask), *[1] * (len(sequences.shape) - 2)))
    # where, not a product: padding may hold anything, NaN included
    return ops.where(mask, sequences, ops.zeros((), dtype=sequences.dtype))
