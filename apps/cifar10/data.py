"""The cifar10 app's data: CIFAR-10, synthetic textured shapes, or a folder of a person's own pictures."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from apps.cifar10.config import Config, DataConfig, SpeedrunNetwork
from apps.cifar10.resizing import to_square
from datasets import cifar10, pictures
from datasets.errors import DataError
from datasets.fetch import sha256_of
from datasets.synthetic import shapes
from harness.app import Prepared, Source
from harness.batching import in_order_plan, index_batches, on_host, shuffled_plan
from harness.classification import class_weights
from harness.labelled_pictures import LabelledPictures, Learn, prepared_own, prepared_pictures, stratified
from shared_layers.convolution.whitening import patch_covariance
from shared_layers.images import augmentation
from shared_layers.images.rand_augment import LARGEST_MAGNITUDE, rand_augment

DEMO_TRAINING, DEMO_TEST = 4000, 1000
EVALUATION_BATCH = 500
SMALLEST_OWN, LARGEST_OWN = 32, 128
"""Between these is the side of a person's pictures where it is not set."""
WHITENED = 5000
"""Pictures whose patches say how to whiten."""


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it; with the `spec` of a trained model, all of a person's pictures become test examples.

    Raises:
        DataError: data that is absent or damaged, a size that the data or the network does not allow, or a class the model
            does not know.
    """
    size, smallest = config.data.size or SMALLEST_OWN, config.model.smallest
    if size < smallest:
        raise DataError(f"--data.size {size}: the network halves such a picture to nothing; pass {smallest} or more")
    if not 0 <= config.data.shift < size:
        raise DataError(f"--data.shift {config.data.shift}: expected 0 to {size - 1}, less than --data.size")
    if config.data.rand_augment_magnitude > LARGEST_MAGNITUDE:
        magnitude = config.data.rand_augment_magnitude
        raise DataError(f"--data.rand-augment-magnitude {magnitude:g}: expected 0 to {LARGEST_MAGNITUDE:g}")
    learn = partial(_learnt, whitening=isinstance(config.model, SpeedrunNetwork))
    if config.data.source == "cifar10":
        return _cifar10(config.data, learn)
    if config.data.source == "demo":
        return _shapes(config.data, learn)
    return _folder(config.data, learn, spec)


def _cifar10(data: DataConfig, learn: Learn) -> Prepared:
    if data.size not in (0, 32):
        raise DataError(f"--data.size {data.size}: CIFAR-10's pictures are 32 pixels wide; leave it out")
    stored = cifar10.load()
    rest = LabelledPictures(stored.train_images, stored.train_labels.astype(np.int64))
    test = LabelledPictures(stored.test_images, stored.test_labels.astype(np.int64))
    source = Source("CIFAR-10", stored.sha256, notice="Krizhevsky, Learning multiple layers of features, 2009")
    parts, names = of_classes(data.classes, {"rest": rest, "test": test}, cifar10.CLASS_NAMES)
    return prepared_pictures(data, parts, names, source, learn)


def _shapes(data: DataConfig, learn: Learn) -> Prepared:
    images, labels = shapes.textured_shapes(DEMO_TRAINING + DEMO_TEST, data.seed, data.size or 32)
    examples = LabelledPictures(images, labels.astype(np.int64))
    rest, test = (np.arange(DEMO_TRAINING), np.arange(DEMO_TRAINING, DEMO_TRAINING + DEMO_TEST))
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    source = Source("synthetic textured shapes", digest, synthetic=True)
    parts = {"rest": examples.subset(rest), "test": examples.subset(test)}
    parts, names = of_classes(data.classes, parts, shapes.CLASS_NAMES)
    return prepared_pictures(data, parts, names, source, learn)


def of_classes(
    chosen: Sequence[str], parts: dict[str, LabelledPictures], class_names: Sequence[str]
) -> tuple[dict[str, LabelledPictures], Sequence[str]]:
    """Returns the pictures of the chosen classes, labelled in the order of the choice, and their names; all where none is chosen.

    Raises:
        DataError: an unknown class, one given twice, or one alone.
    """
    if not chosen:
        return parts, class_names
    unknown = [name for name in chosen if name not in class_names]
    if unknown:
        raise DataError(f"--data.classes {' '.join(unknown)}: there are {', '.join(class_names)}")
    if len(set(chosen)) != len(chosen) or len(chosen) < 2:
        raise DataError(f"--data.classes {' '.join(chosen)}: expected two classes or more, each once")
    new = np.full(len(class_names), -1)
    new[[list(class_names).index(name) for name in chosen]] = np.arange(len(chosen))
    kept = {}
    for name, part in parts.items():
        places = np.flatnonzero(new[part.labels] >= 0)
        kept[name] = LabelledPictures(part.images[places], new[part.labels[places]])
    return kept, chosen


def with_labels(data: DataConfig, train: LabelledPictures) -> LabelledPictures:
    """Returns the training pictures whose labels may be learnt: data.labelled of them, every class alike, or all.

    Raises:
        DataError: so few that a class would have none.
    """
    if data.labelled is None or data.labelled >= len(train):
        return train
    _, places = stratified(data.source, train.labels, np.arange(len(train)), data.labelled, data.seed)
    return train.subset(places)


def _folder(data: DataConfig, learn: Learn, spec: dict[str, Any] | None) -> Prepared:
    if data.classes and spec is None:
        raise DataError(f"{data.source}: --data.classes is for CIFAR-10; leave the folders of the other classes out")
    listed = pictures.list_any(Path(data.source))
    if listed.several_labels:
        raise DataError(f"{data.source}: several labels a picture (its column labels); name one, in a column label")
    size = spec["size"] if spec is not None else data.size or own_size(listed.paths)
    read = pictures.read_all(listed, lambda picture: to_square(picture, size).numpy(), mode="RGB")
    sha256 = sha256_of([listed.paths[number] for number in read.places])
    return prepared_own(data, listed, read, sha256, learn, spec)


def own_size(paths: Sequence[Path]) -> int:
    """Returns the median of the pictures' shorter sides in pixels, in steps of 8 from 32 to 128; reads their headers only."""
    sides = []
    unreadable = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
    for path in paths:
        with contextlib.suppress(*unreadable), Image.open(path) as picture:
            sides.append(min(picture.size))
    middle = float(np.median(sides)) if sides else SMALLEST_OWN
    return int(np.clip(8 * round(middle / 8), SMALLEST_OWN, LARGEST_OWN))


def _learnt(train: LabelledPictures, whitening: bool) -> dict[str, Any]:
    learnt = {"size": train.images.shape[1], **_colours(train.images)}
    if whitening:
        some = (train.images[:WHITENED] - np.float32(learnt["mean"])) / np.float32(learnt["standard_deviation"])
        learnt["patch_covariance"] = patch_covariance(some).tolist()
    return learnt


def _colours(images: np.ndarray) -> dict[str, list[float]]:
    """Returns mean and standard deviation of each colour over all pixels, 0 to 255; sums of integers, so exact."""
    counts = np.stack([np.bincount(images[..., colour].ravel(), minlength=256) for colour in range(3)])
    values = np.arange(256)
    mean = counts @ values / counts.sum(axis=1)
    variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1)
    return {"mean": mean.tolist(), "standard_deviation": np.maximum(np.sqrt(variance), 1.0).tolist()}


def batches(
    config: Config, spec: dict[str, Any], split: LabelledPictures, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (pictures float32 [batch, size, size, 3], one-hot labels float32 [batch, classes][, weights [batch]]).

    Varied at random and endless when training.
    """
    classes, settings = len(spec["class_names"]), config.training
    steps = max(1, len(split) // settings.batch_size)
    images, labels = on_host(split.images), on_host(split.labels)
    balanced = training and config.data.class_weight == "balanced"
    alternating = training and config.data.flip and config.data.alternating_flip
    halves = on_host(first_sides(len(split), settings.seed)) if alternating else None
    weights = on_host(class_weights(split.labels, classes), tf.float32) if balanced else None

    def gather(indices: tf.Tensor, seed: tf.Tensor):
        x, y = tf.gather(images, indices), tf.gather(labels, indices)
        if training:
            x = varied(x, seed, config.data, spec)
            if halves is not None:
                x = augmentation.mirror(x, (tf.gather(halves, indices) + seed[1] // steps) % 2 == 0)
        batch = (tf.cast(x, tf.float32), tf.one_hot(y, classes))
        if training:
            batch = mixed(*batch, seed, config.data)
        return batch if weights is None else (*batch, tf.gather(weights, y))

    if training:
        plan = shuffled_plan(len(split), settings.batch_size, settings.seed)
    else:
        plan = in_order_plan(len(split), EVALUATION_BATCH)
    dataset = index_batches(plan, settings.seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def first_sides(count: int, seed: int) -> np.ndarray:
    """Returns 0 or 1 for each picture, int32 [count]: in which pass of two it is mirrored when mirroring alternates.

    Two passes then show both sides of every picture, where chance shows half of them twice from one side.

    Source: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6.
    """
    return np.random.default_rng([seed, count]).integers(0, 2, count, np.int32)


def varied(images: tf.Tensor, seed: tf.Tensor, data: DataConfig, spec: dict[str, Any]) -> tf.Tensor:
    """Returns uint8 pictures [batch, size, size, 3] mirrored, shifted, changed and cut out at random, as the seed pair says."""
    seeds = tf.random.split(seed, 3)
    if data.flip and not data.alternating_flip:
        images = augmentation.flip(images, seeds[0])
    if data.shift:
        images = augmentation.shift(images, data.shift, seeds[1])
    colour = tf.constant([round(mean) for mean in spec["mean"]], tf.uint8)
    if data.rand_augment:
        further = tf.random.fold_in(seed, 2)
        images = rand_augment(images, data.rand_augment, data.rand_augment_magnitude, colour, further)
    if data.cutout:
        images = augmentation.cutout(images, data.cutout, colour, seeds[2])
    return images


def mixed(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, data: DataConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns pictures and one-hot labels, both float32, mixed with others of the batch as the settings ask for."""
    seeds = tf.random.split(tf.random.fold_in(seed, 1), 2)
    if data.mixup:
        images, labels = augmentation.mixup(images, labels, data.mixup, seeds[0])
    if data.cutmix:
        images, labels = augmentation.cutmix(images, labels, data.cutmix, seeds[1])
    return images, labels
