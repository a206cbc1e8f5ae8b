"""Network of Inception modules (catalogue row C3)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import InceptionNetwork
from apps.cifar10.models.inputs import classifier, normalized_pictures
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.inception import Inception


def build_inception(model: InceptionNetwork, spec: dict[str, Any]) -> keras.Model:
    """Builds groups of Inception modules on pictures [batch, size, size, 3] with values from 0 to 255.

    Output: logits, float32 [batch, classes].

    Source: Szegedy et al., "Going deeper with convolutions", 2015.
    """
    inputs, x = normalized_pictures(spec)
    x = ConvBatchNorm(model.stem, momentum=0.8, name="stem")(x)
    for group, width in enumerate(model.widths, 1):
        x = keras.layers.MaxPooling2D(2, name=f"pool{group}")(x)
        for number in range(1, model.modules + 1):
            x = Inception(branch_widths(width), momentum=0.8, name=f"group{group}_module{number}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, classifier(spec, x), name="inception_network")


def branch_widths(width: int) -> tuple[int, int, int, int, int, int]:
    """Returns the six widths of a module of `width` output channels, in GoogLeNet's proportions."""
    one, five, projection = width // 4, width // 8, width // 8
    return one, 3 * width // 8, width - one - five - projection, width // 16, five, projection
