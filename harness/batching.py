"""Batches as stateless functions of (seed, epoch, step), so that a run resumes exactly where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

Plan = Callable[[int], Sequence[np.ndarray]]
"""Pass over the data -> the example indices of each of its batches. Every pass has the same number of batches."""


def on_host(values: np.ndarray, dtype: tf.DType | None = None) -> tf.Tensor:
    """Returns a tensor in the memory of the host, where tf.data works; made plainly, it would lie on a GPU, and be copied back
    as a whole for every batch."""
    with tf.device("CPU:0"):
        return tf.constant(values, dtype)


def shuffled_plan(count: int, batch_size: int, seed: int) -> Plan:
    """Returns a plan that draws a new order in every pass and leaves the incomplete last batch out.

    Raises:
        ValueError: fewer examples than one batch holds.
    """
    if count < batch_size:
        raise ValueError(
            f"{count} training examples do not fill one batch of {batch_size}; pass --training.batch-size {count} or less"
        )
    steps = count // batch_size

    def plan(epoch: int) -> np.ndarray:
        order = np.random.default_rng([seed, epoch]).permutation(count)
        return order[: steps * batch_size].reshape(steps, batch_size)

    return plan


def bucketed_plan(lengths: np.ndarray, batch_size: int, seed: int, jitter: float = 0.1) -> Plan:
    """Returns a plan whose batches hold examples of similar length, in an order drawn anew in every pass.

    Args:
        lengths: [examples], any unit.
        jitter: standard deviation of the relative noise on the lengths before sorting, so that batches change.
    """
    if len(lengths) < batch_size:
        raise ValueError(
            f"{len(lengths)} training examples do not fill one batch of {batch_size}; "
            f"pass --training.batch-size {len(lengths)} or less"
        )
    steps = len(lengths) // batch_size

    def plan(epoch: int) -> np.ndarray:
        generator = np.random.default_rng([seed, epoch])
        noisy = lengths * np.exp(generator.normal(0.0, jitter, len(lengths)))
        left_out = generator.permutation(len(lengths))[: len(lengths) - steps * batch_size]
        order = np.setdiff1d(np.argsort(noisy, kind="stable"), left_out, assume_unique=True)
        return order.reshape(steps, batch_size)[generator.permutation(steps)]

    return plan


def in_order_plan(count: int, batch_size: int) -> Plan:
    """Returns a plan over every example once, in order, in batches of nearly equal size (so that no device is left without one)."""
    batches = np.array_split(np.arange(count), max(1, -(-count // batch_size)))
    return lambda epoch: batches


def index_batches(plan: Plan, seed: int = 0, first_step: int = 0, endless: bool = True) -> tf.data.Dataset:
    """Returns a dataset of (indices int64 [batch], seed int32 [2]) that follows a plan.

    Args:
        first_step: number of batches to leave out at the start, at no cost: where a resumed run goes on.
        endless: go on with the next pass; otherwise stop after one.

    The seed pair differs in every step: hand it to stateless random operations in the augmentation.
    """
    steps = len(plan(0))

    def generate():
        epoch, start = divmod(first_step, steps)
        while True:
            batches = plan(epoch)
            for position in range(start, steps):
                yield np.asarray(batches[position], np.int64), np.array([seed, epoch * steps + position], np.int32)
            epoch, start = epoch + 1, 0
            if not endless:
                return

    signature = (tf.TensorSpec([None], tf.int64), tf.TensorSpec([2], tf.int32))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return dataset if endless else dataset.apply(tf.data.experimental.assert_cardinality(steps))
