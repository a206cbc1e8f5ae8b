"""Network of dense blocks (catalogue row C5)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import DenseNet
from apps.cifar10.models.inputs import classifier, normalized_pictures
from shared_layers.convolution.batch_normalization import BatchNormalization
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.dense_block import DenseBlock, NormActConv


def build_densenet(model: DenseNet, spec: dict[str, Any]) -> keras.Model:
    """Builds three dense blocks on pictures [batch, size, size, 3] with values from 0 to 255, which the stem halves.

    Output: logits, float32 [batch, classes].

    Source: Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017, section 3.
    """
    inputs, x = normalized_pictures(spec)
    x = ConvBatchNorm(2 * model.growth_rate, pool_size=2, momentum=0.8, name="stem")(x)
    for block in (1, 2, 3):
        if block > 1:
            kept = max(1, int(model.compression * x.shape[-1]))
            x = NormActConv(kept, 1, momentum=0.8, name=f"transition{block - 1}")(x)
            x = keras.layers.AveragePooling2D(2, name=f"pool{block - 1}")(x)
        x = DenseBlock(model.layers, model.growth_rate, model.bottleneck, momentum=0.8, name=f"block{block}")(x)
    x = BatchNormalization(momentum=0.8, epsilon=1e-5, synchronized=True, name="normalization")(x)
    x = keras.layers.Activation("relu", name="activation")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, classifier(spec, x), name="densenet")
