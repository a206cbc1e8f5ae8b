"""The convolutional networks beside LeNet-5: the lectures' and the suite's own."""

from __future__ import annotations

import keras

from apps.digits.config import ConvNet, LectureCNN
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.images.shifted_views import MeanOverViews, ShiftedViews

layers = keras.layers


def build_lecture_cnn(model: LectureCNN, classes: int) -> keras.Model:
    """Builds the lectures' network layer by layer (catalogue row D2); logits, float32 [batch, classes]."""
    inputs, x = _pictures()
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.BatchNormalization(synchronized=True)(x)
    x = layers.Conv2D(128, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization(synchronized=True)(x)
    x = layers.Dense(512, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="lecture_cnn")


def build_convnet(model: ConvNet, classes: int) -> keras.Model:
    """Builds groups of 3x3 convolutions with batch normalisation and ReLU; logits [batch, classes].

    One of each group is followed by 2x2 max-pooling; if it is the first, most of the work is done at half the resolution.

    Source: after Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015, with
    the pooling of Page, "How to train your ResNet", 2018, and the global average of Lin, Chen and Yan, "Network in network", 2014.

    Raises:
        ValueError: so many groups that pooling leaves nothing of a picture of 28 pixels, or pooling after a convolution that
            no group has.
    """
    if not 1 <= len(model.widths) <= 4:
        raise ValueError(
            f"--model.widths: expected 1 to 4 groups for pictures of 28 pixels, received {len(model.widths)}"
        )
    if not 1 <= model.pool_after <= model.convolutions:
        raise ValueError(
            f"--model.pool-after: expected 1 to {model.convolutions}, the convolutions of a group, received {model.pool_after}"
        )
    inputs, x = _pictures()
    x = ShiftedViews()(x) if model.average_shifts else x
    for group, width in enumerate(model.widths, 1):
        for number in range(1, model.convolutions + 1):
            pool = 2 if number == model.pool_after else 1
            x = ConvBatchNorm(width, pool_size=pool, name=f"group{group}_convolution{number}")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(model.dropout)(x) if model.dropout else x
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    logits = MeanOverViews(dtype="float32")(logits) if model.average_shifts else logits
    return keras.Model(inputs, logits, name="convnet")


def _pictures() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, 28, 28] from 0 to 255, and the same as [batch, 28, 28, 1] from 0 to 1."""
    inputs = keras.Input((28, 28), name="images")
    return inputs, layers.Rescaling(1.0 / 255.0)(layers.Reshape((28, 28, 1))(inputs))
