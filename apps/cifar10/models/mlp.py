"""Fully connected rectifiers (catalogue row C9)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import MLP
from apps.cifar10.models.inputs import classifier, normalized_pictures


def build_mlp(model: MLP, spec: dict[str, Any]) -> keras.Model:
    """Builds hidden layers of rectifiers on the pixels of pictures [batch, size, size, 3] with values from 0 to 255.

    Output: logits, float32 [batch, classes].

    Source: Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks", 2011, section 4.1.
    """
    inputs, x = normalized_pictures(spec)
    x = keras.layers.Flatten(name="flatten")(x)
    for number in range(1, model.layers + 1):
        x = keras.layers.Dense(model.units, activation="relu", kernel_initializer="he_normal", name=f"hidden{number}")(
            x
        )
        x = keras.layers.Dropout(model.dropout, name=f"dropout{number}")(x)
    return keras.Model(inputs, classifier(spec, x), name="mlp")
