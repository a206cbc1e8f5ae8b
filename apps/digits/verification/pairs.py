"""Pairs of pictures of the same class or of different ones, and the classes that training never sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from apps.digits.config import Config, Siamese
from apps.digits.data import distort
from datasets.errors import DataError
from harness.app import Prepared
from harness.batching import in_order_plan, index_batches, on_host, shuffled_plan
from harness.labelled_pictures import LabelledPictures

EVALUATION_BATCH = 250
"""Pairs."""


def without_left_out(config: Config, prepared: Prepared) -> Prepared:
    """Takes the classes of config.model.left_out from the training and validation pictures; the test keeps them.

    Raises:
        DataError: a class to leave out that is not there, fewer than two to learn from, weighted classes, or pictures varied on the device.
    """
    model = config.model
    assert isinstance(model, Siamese)
    if prepared.spec.get("several_labels"):
        raise DataError(
            f"{config.data.source}: several labels a picture; a siamese network compares pictures of one label"
        )
    names = prepared.spec["class_names"]
    unknown = [name for name in model.left_out if name not in names]
    if unknown:
        raise DataError(
            f"--model.left-out {' '.join(model.left_out)}: {prepared.source.name} has no class {', '.join(unknown)}; "
            f"it has {', '.join(names)}"
        )
    if len(names) - len(set(model.left_out)) < 2:
        raise DataError(f"--model.left-out {' '.join(model.left_out)}: leaves fewer than two classes to learn from")
    if config.data.class_weight != "none":
        raise DataError("--data.class-weight balanced: pairs have no class; leave it out for a siamese network")
    splits = dict(prepared.splits)
    for name in ("train", "validation"):
        splits[name] = splits[name].subset(np.flatnonzero(~is_left_out(prepared.spec, model, splits[name].labels)))
    if config.data.augment_on != "pipeline":
        raise DataError("--data.augment-on device: the pictures of pairs are varied in the pipeline; leave it out")
    count = sum(len(prepared.splits[name]) - len(splits[name]) for name in ("train", "validation"))
    reason = f"kept from training: {', '.join(model.left_out)}"
    return replace(prepared, splits=splits, dropped={**prepared.dropped, **({reason: count} if count else {})})


def is_left_out(spec: dict[str, Any], model: Siamese, labels: np.ndarray) -> np.ndarray:
    """Tells of each label whether training never sees its class, bool [n]."""
    return np.isin(labels, [spec["class_names"].index(name) for name in model.left_out])


def disjoint_pairs(labels: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draws as many pairs of the same class as of different ones; no example is in two pairs, so that pairs are independent.

    Returns:
        the pairs, int64 [pairs, 2], and whether each is of the same class, bool [pairs].
    """
    generator = np.random.default_rng(seed)
    same, rest = [], []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        half = len(members) // 4 * 2
        same.append(members[:half].reshape(-1, 2))
        rest.append(members[half:])
    others = generator.permutation(np.concatenate([[], *rest]).astype(np.int64))
    different = others[: len(others) // 2 * 2].reshape(-1, 2)
    different = different[labels[different[:, 0]] != labels[different[:, 1]]]
    together = generator.permutation(np.concatenate([np.zeros((0, 2), np.int64), *same]))
    count = min(len(together), len(different))
    kinds = np.repeat([True, False], count)
    return np.concatenate([together[:count], different[:count]]), kinds


def batches(
    config: Config, spec: dict[str, Any], split: LabelledPictures, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (pairs of pictures float32 [batch, 2, 28, 28], 1 for the same class, else 0, float32 [batch]).

    When training every picture gets, once in a pass, a partner drawn anew, of its own class or of another with even chances,
    and both are distorted; otherwise the pairs are those of `disjoint_pairs`.

    Raises:
        DataError: too few pictures of too few classes for a pair of each kind.
    """
    training_config, images = config.training, on_host(split.images)
    if not training:
        pairs, same = disjoint_pairs(split.labels)
        if not len(pairs):
            raise DataError(f"{config.data.source}: too few pictures for validation pairs; give every class 4 or more")
        table, kinds = on_host(pairs), on_host(same, tf.float32)
        dataset = index_batches(in_order_plan(len(pairs), EVALUATION_BATCH), training_config.seed, endless=False)
        return dataset.map(
            lambda indices, seed: (
                tf.cast(tf.gather(images, tf.gather(table, indices)), tf.float32),
                tf.gather(kinds, indices),
            )
        ).prefetch(tf.data.AUTOTUNE)
    partner = _partners(split.labels)

    def gather(indices: tf.Tensor, seed: tf.Tensor):
        others, same = partner(indices, seed)
        both = tf.cast(tf.gather(images, tf.concat([indices, others], axis=0)), tf.float32)
        first, second = tf.split(distort(both, seed, config.data), 2)
        return tf.stack([first, second], axis=1), same

    plan = shuffled_plan(len(split), training_config.batch_size, training_config.seed)
    dataset = index_batches(plan, training_config.seed, first_step)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _partners(labels: np.ndarray) -> Any:
    """Returns (indices [batch], seed) -> (partners' indices [batch], 1.0 for the same class, else 0.0 [batch])."""
    present, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = on_host(np.argsort(labels, kind="stable"), tf.int64)
    offsets = on_host(np.cumsum(counts) - counts, tf.int64)
    place_of, count_of = on_host(places, tf.int64), on_host(counts, tf.int64)
    classes = len(present)

    def partner(indices: tf.Tensor, seed: tf.Tensor):
        size = tf.shape(indices)
        seeds = [tf.random.fold_in(seed, 100 + number) for number in range(3)]
        same = tf.random.stateless_uniform(size, seeds[0]) < 0.5
        hops = tf.random.stateless_uniform(size, seeds[1], 1, classes, tf.int64)
        own = tf.gather(place_of, indices)
        place = tf.where(same, own, (own + hops) % classes)
        draws = tf.random.stateless_uniform(size, seeds[2], 0, 2**40, tf.int64)
        return tf.gather(order, tf.gather(offsets, place) + draws % tf.gather(count_of, place)), tf.cast(
            same, tf.float32
        )

    return partner
