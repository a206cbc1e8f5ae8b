"""The digits' data: MNIST, the UCI digits of scikit-learn, or a folder of a person's own pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets
import tensorflow as tf

from apps.digits.centring import BOX, INK, from_picture
from apps.digits.config import Config, DataConfig, ElasticDataConfig
from datasets import mnist, pictures
from datasets.fetch import sha256_of
from harness.app import Prepared, Source
from harness.batching import in_order_plan, index_batches, on_host, shuffled_plan
from harness.classification import class_weights
from harness.labelled_pictures import LabelledPictures, prepared_own, prepared_pictures, stratified
from shared_layers.images import distortion

CLASS_NAMES = tuple("0123456789")


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it; with the `spec` of a trained model, all of a person's pictures become test examples.

    Raises:
        DataError: data that is absent or damaged, or a class the model does not know.
    """
    if config.data.source == "mnist":
        return _mnist(config.data)
    if config.data.source == "demo":
        return _uci_digits(config.data)
    return _folder(config.data, spec)


def _mnist(data: DataConfig) -> Prepared:
    stored = mnist.load()
    rest = LabelledPictures(stored.train_images, stored.train_labels.astype(np.int64))
    test = LabelledPictures(stored.test_images, stored.test_labels.astype(np.int64))
    return prepared_pictures(data, {"rest": rest, "test": test}, CLASS_NAMES, Source("MNIST", stored.sha256), _learnt)


def _uci_digits(data: DataConfig) -> Prepared:
    table = sklearn.datasets.load_digits()
    small = tf.image.resize(table.images[..., None] / 16.0, [BOX, BOX], method="bicubic")
    padding = (INK - BOX) // 2
    large = tf.image.pad_to_bounding_box(tf.clip_by_value(small, 0.0, 1.0), padding, padding, INK, INK)
    images = np.round(255 * large[..., 0].numpy()).astype(np.uint8)
    examples = LabelledPictures(images, table.target.astype(np.int64))
    rest, test = stratified(data.source, examples.labels, np.arange(len(examples)), 0.3, data.seed)
    digest = hashlib.sha256(table.images.tobytes() + table.target.tobytes()).hexdigest()
    source = Source(
        "UCI handwritten digits (8x8, enlarged)", digest, notice="Alpaydin and Kaynak, UCI repository; in scikit-learn"
    )
    parts = {"rest": examples.subset(rest), "test": examples.subset(test)}
    return prepared_pictures(data, parts, CLASS_NAMES, source, _learnt)


def _folder(data: DataConfig, spec: dict[str, Any] | None) -> Prepared:
    listed = pictures.list_any(Path(data.source))
    read = pictures.read_all(listed, as_mnist, mode="L")
    sha256 = sha256_of([listed.paths[number] for number in read.places])
    return prepared_own(data, listed, read, sha256, _learnt, spec)


def _learnt(train: LabelledPictures) -> dict[str, Any]:
    """Nothing but the class names is learnt from the training pictures."""
    return {}


def as_mnist(picture: np.ndarray) -> np.ndarray:
    """Returns a grey picture [height, width] of a digit in MNIST's form, uint8 [28, 28]."""
    return np.round(_from_picture(tf.constant(picture)).numpy()).astype(np.uint8)


_from_picture = tf.function(from_picture, input_signature=[tf.TensorSpec([None, None], tf.uint8)])


def batches(
    config: Config, spec: dict[str, Any], split: LabelledPictures, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (pictures float32 [batch, 28, 28], labels [batch][, weights [batch]]); distorted and endless when training."""
    images, labels = on_host(split.images), on_host(split.labels)
    balanced = training and config.data.class_weight == "balanced"
    weights = on_host(class_weights(split.labels, len(spec["class_names"])), tf.float32) if balanced else None

    def gather(indices: tf.Tensor, seed: tf.Tensor):
        x = tf.cast(tf.gather(images, indices), tf.float32)
        y = tf.gather(labels, indices)
        if training and config.data.augment_on == "pipeline":
            x = distort(x, seed, config.data)
        return (x, y) if weights is None else (x, y, tf.gather(weights, y))

    training_config = config.training
    if training:
        plan = shuffled_plan(len(split), training_config.batch_size, training_config.seed)
    else:
        plan = in_order_plan(len(split), 500)
    dataset = index_batches(plan, training_config.seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def logits_of(config: Config, spec: dict[str, Any], model: Any, split: LabelledPictures) -> np.ndarray:
    """Returns what the model answers, float32 [n, classes]."""
    return model.predict(batches(config, spec, split, False).map(lambda x, y: x), verbose=0)


def distort(images: tf.Tensor, seed: tf.Tensor, data: DataConfig) -> tf.Tensor:
    """Shifts, rotates, scales and bends pictures [batch, 28, 28] at random, as the seed pair says; some stay as they are."""
    varied = images[..., None]
    if isinstance(data, ElasticDataConfig) and data.elastic:
        varied = tf.ensure_shape(varied, [None, INK, INK, 1])
        varied = distortion.elastic(varied, seed, data.elastic, data.smoothness, data.shift, data.rotation, data.scale)
    elif data.shift or data.rotation or data.scale:
        varied = distortion.affine(varied, seed, data.shift, data.rotation, data.scale)
    varied = varied[..., 0]
    if not data.plain_share:
        return varied
    drawn = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1], tf.random.fold_in(seed, 2))
    return tf.where(drawn < data.plain_share, images, varied)


def distort_in_training_step(model: Any, config: Config) -> Any:
    """Returns the model, whose training step varies its pictures first, as the pipeline would have in the same step."""
    plain_step = model.train_step

    def train_step(data: tuple) -> Any:
        images, *rest = data
        seed = tf.stack([tf.constant(config.training.seed), tf.cast(model.optimizer.iterations.value, tf.int32)])
        return plain_step((distort(images, seed, config.data), *rest))

    model.train_step = train_step
    return model
