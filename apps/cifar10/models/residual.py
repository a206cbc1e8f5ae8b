"""Residual network with basic or bottleneck blocks (catalogue row C4)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import ResidualNetwork
from apps.cifar10.models.inputs import normalized_pictures
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.residual import BasicResidualBlock, BottleneckResidualBlock

LOGIT_SCALE = 0.125
"""Slows the classifier down beside the convolutions, so that one learning rate suits both (Page 2018)."""


def build_residual(model: ResidualNetwork, spec: dict[str, Any]) -> keras.Model:
    """Builds a residual network on pictures [batch, size, size, 3] with values from 0 to 255.

    Every group is a 3x3 convolution that changes the number of channels and max-pools by 2, then blocks whose shortcuts are
    the identity. Global max-pooling feeds the classifier.

    Output: logits, float32 [batch, classes].

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016; groups after Page, "How to train
    your ResNet", 2018.
    """
    kinds = {"basic": BasicResidualBlock, "bottleneck": BottleneckResidualBlock}
    inputs, x = normalized_pictures(spec)
    for group, width in enumerate(model.widths, 1):
        x = ConvBatchNorm(
            width, pool_size=2, activation=model.activation, momentum=model.momentum, name=f"group{group}_convolution"
        )(x)
        for number in range(1, model.blocks + 1):
            name = f"group{group}_block{number}"
            x = kinds[model.block](width, activation=model.activation, momentum=model.momentum, name=name)(x)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    x = keras.layers.Dense(len(spec["class_names"]), use_bias=False, dtype="float32", name="classifier")(x)
    logits = keras.layers.Rescaling(LOGIT_SCALE, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="residual_network")
