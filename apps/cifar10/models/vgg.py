"""VGG-style network (catalogue row C2)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import VGG
from apps.cifar10.models.inputs import normalized_pictures, small_classifier
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.initializers.partial_identity import PartialIdentity


def build_vgg(model: VGG, spec: dict[str, Any]) -> keras.Model:
    """Builds stacks of 3x3 convolutions on pictures [batch, size, size, 3] with values from 0 to 255.

    2x2 max-pooling ends every stack but the last, global max-pooling that. Batch normalisation and kernels that start as partial
    identities take the place of the paper's slow start from shallower networks, the pooling that of its hidden layers.

    Output: logits, float32 [batch, classes].

    Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.
    """
    inputs, x = normalized_pictures(spec)
    for stack, width in enumerate(model.widths, 1):
        for number in range(1, model.convolutions + 1):
            last = number == model.convolutions and stack < len(model.widths)
            x = ConvBatchNorm(
                width,
                pool_size=2 if last else 1,
                activation=model.activation,
                momentum=0.6,
                kernel_initializer=PartialIdentity(),
                scale=False,
                name=f"stack{stack}_convolution{number}",
            )(x)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(inputs, small_classifier(spec, x), name="vgg")
