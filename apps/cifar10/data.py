"""The cifar10 app's data: CIFAR-10, synthetic textured shapes, or a folder of a person's own pictures."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split

from apps.cifar10.config import Config, DataConfig
from apps.cifar10.resizing import to_square
from datasets import cifar10, pictures
from datasets.errors import DataError
from datasets.fetch import sha256_of
from datasets.synthetic import shapes
from harness.app import Prepared, Source
from harness.batching import in_order_plan, index_batches, shuffled_plan
from harness.classification import class_weights
from shared_layers.images import augmentation

DEMO_TRAINING, DEMO_TEST = 4000, 1000
EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Pictures:
    """Square colour pictures with their labels."""

    images: np.ndarray
    """uint8 [n, size, size, 3]."""
    labels: np.ndarray
    """int64 [n]."""

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> Pictures:
        """Returns the examples at `indices`."""
        return Pictures(self.images[indices], self.labels[indices])


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it; with the `spec` of a trained model, all of a person's pictures become test examples.

    Raises:
        DataError: data that is absent or damaged, a size that the data or the network does not allow, or a class the model
            does not know.
    """
    size, smallest = config.data.size, 2 ** len(config.model.widths)
    if size < smallest:
        raise DataError(
            f"--data.size {size}: {len(config.model.widths)} groups halve a picture to nothing; pass {smallest} or more"
        )
    if not 0 <= config.data.shift < size:
        raise DataError(f"--data.shift {config.data.shift}: expected 0 to {size - 1}, less than --data.size")
    if config.data.source == "cifar10":
        return _cifar10(config.data)
    if config.data.source == "demo":
        return _shapes(config.data)
    return _folder(config.data, spec)


def _cifar10(data: DataConfig) -> Prepared:
    if data.size != 32:
        raise DataError(f"--data.size {data.size}: CIFAR-10's pictures are 32 pixels wide; leave it out")
    stored = cifar10.load()
    rest = Pictures(stored.train_images, stored.train_labels.astype(np.int64))
    test = Pictures(stored.test_images, stored.test_labels.astype(np.int64))
    source = Source("CIFAR-10", stored.sha256, notice="Krizhevsky, Learning multiple layers of features, 2009")
    return _prepared(data, rest, test, list(cifar10.CLASS_NAMES), source)


def _shapes(data: DataConfig) -> Prepared:
    images, labels = shapes.textured_shapes(DEMO_TRAINING + DEMO_TEST, data.seed, data.size)
    examples = Pictures(images, labels.astype(np.int64))
    rest, test = (np.arange(DEMO_TRAINING), np.arange(DEMO_TRAINING, DEMO_TRAINING + DEMO_TEST))
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    source = Source("synthetic textured shapes", digest, synthetic=True)
    return _prepared(data, examples.subset(rest), examples.subset(test), list(shapes.CLASS_NAMES), source)


def _folder(data: DataConfig, spec: dict[str, Any] | None) -> Prepared:
    place = Path(data.source)
    listed = pictures.list_csv(place) if place.suffix.lower() == ".csv" else pictures.list_folder(place)
    read, dropped = [], Counter(listed.dropped)
    images = []
    for number, path in enumerate(listed.paths):
        try:
            picture = pictures.read_picture(path, mode="RGB")
        except DataError:
            dropped["unreadable picture"] += 1
            continue
        images.append(to_square(picture, data.size if spec is None else spec["size"]).numpy())
        read.append(number)
    if not images:
        raise DataError(f"{data.source}: none of its {len(listed.paths)} pictures can be read")
    examples = Pictures(np.stack(images), np.array(listed.labels, np.int64)[read])
    parts = None if listed.splits is None else np.array(listed.splits)[read]
    source = Source(place.name, sha256_of([listed.paths[number] for number in read]))
    if spec is not None:
        prepared = Prepared({"test": _known(data, examples, parts, listed.class_names, spec)}, spec, source)
    elif parts is None:
        rest, test = _split(examples.labels, np.arange(len(examples)), 0.2, data)
        prepared = _prepared(data, examples.subset(rest), examples.subset(test), listed.class_names, source)
    else:
        train, validation, test = (examples.subset(np.flatnonzero(parts == name)) for name in pictures.SPLITS)
        prepared = _prepared(data, train, test, listed.class_names, source, validation if len(validation) else None)
    return dataclasses.replace(prepared, dropped=dict(dropped))


def _known(
    data: DataConfig, examples: Pictures, parts: np.ndarray | None, class_names: list[str], spec: dict[str, Any]
) -> Pictures:
    """Returns the test pictures, or all where the folder has no test pictures, with the labels of a trained model."""
    unknown = sorted(set(class_names) - set(spec["class_names"]))
    if unknown:
        raise DataError(
            f"{data.source}: the model does not know the class {', '.join(unknown)}; "
            f"it knows {', '.join(spec['class_names'])}"
        )
    places = np.array([spec["class_names"].index(name) for name in class_names])
    known = Pictures(examples.images, places[examples.labels])
    return known if parts is None else known.subset(np.flatnonzero(parts == "test"))


def _prepared(
    data: DataConfig,
    rest: Pictures,
    test: Pictures,
    class_names: list[str],
    source: Source,
    validation: Pictures | None = None,
) -> Prepared:
    """Splits `rest` into training and validation pictures, unless the latter are given."""
    indices = np.arange(len(rest))
    if data.limit and data.limit < len(rest):
        _, indices = _split(rest.labels, indices, data.limit, data)
    if validation is None:
        indices, chosen = _split(rest.labels, indices, data.validation_fraction, data)
        validation = rest.subset(chosen)
    train = rest.subset(indices)
    spec = {"class_names": list(class_names), "size": data.size, **_colours(train.images)}
    return Prepared({"train": train, "validation": validation, "test": test}, spec, source)


def _split(labels: np.ndarray, indices: np.ndarray, share: float, data: DataConfig) -> tuple[np.ndarray, np.ndarray]:
    """Splits `indices` into rest and a seeded `share` (fraction, or number of examples) of every class alike."""
    if not share:
        return indices, indices[:0]
    try:
        return tuple(train_test_split(indices, test_size=share, random_state=data.seed, stratify=labels[indices]))
    except ValueError as error:
        raise DataError(
            f"{data.source}: {len(indices)} pictures cannot be split class by class into {share} and the rest ({error}); "
            "give every class at least ten pictures"
        ) from error


def _colours(images: np.ndarray) -> dict[str, list[float]]:
    """Returns mean and standard deviation of each colour over all pixels, 0 to 255; sums of integers, so exact."""
    counts = np.stack([np.bincount(images[..., colour].ravel(), minlength=256) for colour in range(3)])
    values = np.arange(256)
    mean = counts @ values / counts.sum(axis=1)
    variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1)
    return {"mean": mean.tolist(), "standard_deviation": np.maximum(np.sqrt(variance), 1.0).tolist()}


def batches(
    config: Config, spec: dict[str, Any], split: Pictures, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (pictures float32 [batch, size, size, 3], one-hot labels float32 [batch, classes][, weights [batch]]).

    Varied at random and endless when training.
    """
    classes = len(spec["class_names"])
    images, labels = tf.constant(split.images), tf.constant(split.labels)
    balanced = training and config.data.class_weight == "balanced"
    weights = tf.constant(class_weights(split.labels, classes), tf.float32) if balanced else None

    def gather(indices: tf.Tensor, seed: tf.Tensor):
        x, y = tf.gather(images, indices), tf.gather(labels, indices)
        if training:
            x = varied(x, seed, config.data, spec)
        batch = (tf.cast(x, tf.float32), tf.one_hot(y, classes))
        return batch if weights is None else (*batch, tf.gather(weights, y))

    settings = config.training
    if training:
        plan = shuffled_plan(len(split), settings.batch_size, settings.seed)
    else:
        plan = in_order_plan(len(split), EVALUATION_BATCH)
    dataset = index_batches(plan, settings.seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def varied(images: tf.Tensor, seed: tf.Tensor, data: DataConfig, spec: dict[str, Any]) -> tf.Tensor:
    """Returns uint8 pictures [batch, size, size, 3] mirrored, shifted and cut out at random, as the seed pair says."""
    seeds = tf.random.split(seed, 3)
    if data.flip:
        images = augmentation.flip(images, seeds[0])
    if data.shift:
        images = augmentation.shift(images, data.shift, seeds[1])
    if data.cutout:
        colour = tf.constant([round(mean) for mean in spec["mean"]], tf.uint8)
        images = augmentation.cutout(images, data.cutout, colour, seeds[2])
    return images
