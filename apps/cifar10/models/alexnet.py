"""AlexNet-style network scaled to small pictures (catalogue row C1)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import AlexNet
from apps.cifar10.models.inputs import classifier, normalized_pictures
from shared_layers.convolution.local_response_normalization import LocalResponseNormalization


def build_alexnet(model: AlexNet, spec: dict[str, Any]) -> keras.Model:
    """Builds an AlexNet on pictures [batch, size, size, 3] with values from 0 to 255.

    Two 5x5 and three 3x3 convolutions; local response normalisation follows the first two, overlapping max-pooling (3x3, step 2)
    these and the last; then two hidden layers with dropout.

    Output: logits, float32 [batch, classes].

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012.
    """
    inputs, x = normalized_pictures(spec)
    for number, width in enumerate(model.widths, 1):
        kernel = 5 if number <= 2 else 3
        x = keras.layers.Conv2D(
            width,
            kernel,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            name=f"convolution{number}",
        )(x)
        if number <= 2:
            x = LocalResponseNormalization(name=f"normalization{number}")(x)
        if number in (1, 2, 5):
            x = keras.layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = keras.layers.Dropout(model.dropout, name=f"dropout{number}")(x)
        x = keras.layers.Dense(model.units, activation="relu", kernel_initializer="he_normal", name=f"hidden{number}")(
            x
        )
    return keras.Model(inputs, classifier(spec, x), name="alexnet")
