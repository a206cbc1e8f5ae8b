"""A map of the classes over a picture of any size, by a classifier in fully convolutional form (catalogue row C7)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from apps.cifar10.config import MLP, Config, Transfer

LARGEST = 2_000_000
"""Pixels of all the pictures that maps are made of at once."""


def is_convolutional(config: Config) -> bool:
    """Tells whether the network keeps places apart up to its classifier, and takes pictures of any size."""
    return not isinstance(config.model, MLP | Transfer)


def heat_map(maps: keras.Model, pictures: Any, temperature: float = 1.0) -> Any:
    """Returns class probabilities float32 [n, rows, columns, classes] over pictures uint8 [n, height, width, 3].

    Args:
        maps: a classifier in fully convolutional form.
        temperature: by which the logits are divided.
    """
    return ops.softmax(maps(ops.cast(pictures, "float32"), training=False) / temperature, axis=-1)
