"""Networks of depthwise separable convolutions, MobileNet and Xception (catalogue row C6)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import MobileNet, Xception
from apps.cifar10.models.inputs import classifier, normalized_pictures
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.depthwise_separable import DepthwiseSeparable


def build_mobilenet(model: MobileNet, spec: dict[str, Any]) -> keras.Model:
    """Builds a MobileNet on pictures [batch, size, size, 3] with values from 0 to 255.

    Output: logits, float32 [batch, classes].

    Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017, table 1,
    with the strides of the first layers left out for small pictures.
    """
    inputs, x = normalized_pictures(spec)
    x = ConvBatchNorm(model.stem, momentum=0.8, name="stem")(x)
    before = model.widths[0]
    for number, width in enumerate(model.widths, 1):
        strides = 2 if width > before else 1
        x = DepthwiseSeparable(width, strides, momentum=0.8, name=f"separable{number}")(x)
        before = width
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, classifier(spec, x), name="mobilenet")


def build_xception(model: Xception, spec: dict[str, Any]) -> keras.Model:
    """Builds an Xception's entry flow on pictures [batch, size, size, 3] with values from 0 to 255.

    Output: logits, float32 [batch, classes].

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017, figure 5.
    """
    inputs, x = normalized_pictures(spec)
    x = ConvBatchNorm(model.stem, momentum=0.8, name="stem")(x)
    for group, width in enumerate(model.widths, 1):
        shortcut = ConvBatchNorm(width, 1, strides=2, activation=None, momentum=0.8, name=f"group{group}_shortcut")(x)
        for number in (1, 2):
            x = DepthwiseSeparable(
                width,
                normalize_between=False,
                activation="relu" if number == 1 else None,
                momentum=0.8,
                name=f"group{group}_separable{number}",
            )(x)
        x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name=f"group{group}_pool")(x)
        x = keras.layers.Add(name=f"group{group}_sum")([x, shortcut])
        x = keras.layers.Activation("relu", name=f"group{group}_activation")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, classifier(spec, x), name="xception")
