"""The speed-run network: whitening first convolution, groups that start as partial identities (catalogue row C8)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import SpeedrunNetwork
from apps.cifar10.models.inputs import normalized_pictures, small_classifier
from shared_layers.activations.gelu import gelu
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.whitening import WhiteningConvolution
from shared_layers.initializers.partial_identity import PartialIdentity


def build_speedrun(model: SpeedrunNetwork, spec: dict[str, Any]) -> keras.Model:
    """Builds the speed-run network on pictures [batch, size, size, 3] with values from 0 to 255.

    A frozen 2x2 convolution whitens the patches (spec["patch_covariance"]); every group is two or more 3x3 convolutions,
    the first followed by 2x2 max-pooling, with GELU and batch normalisation without scale; three and more have a shortcut around
    all but the first. Global max-pooling feeds the classifier.

    Output: logits, float32 [batch, classes].

    Source: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, and its code, github.com/KellerJordan/
    cifar10-airbench (MIT), after tysam-code, hlb-CIFAR10, 2023, and Page, "How to train your ResNet", 2018.
    """
    inputs, x = normalized_pictures(spec)
    x = WhiteningConvolution(spec["patch_covariance"], name="whitening")(x)
    x = keras.layers.Activation(gelu, name="whitening_activation")(x)
    for group, width in enumerate(model.widths, 1):
        x = shortcut = _convolution(model, width, f"group{group}_convolution1", pool_size=2)(x)
        for number in range(2, model.convolutions + 1):
            x = _convolution(model, width, f"group{group}_convolution{number}")(x)
        if model.convolutions > 2:
            x = keras.layers.Add(name=f"group{group}_sum")([x, shortcut])
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    logits = small_classifier(spec, x)
    return keras.Model(inputs, logits, name="speedrun_network")


def _convolution(model: SpeedrunNetwork, width: int, name: str, pool_size: int = 1) -> ConvBatchNorm:
    return ConvBatchNorm(
        width,
        pool_size=pool_size,
        activation="gelu",
        momentum=model.momentum,
        kernel_initializer=PartialIdentity(),
        scale=False,
        name=name,
    )
