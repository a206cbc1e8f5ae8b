"""A convolutional autoencoder, and a perceptron on its code (catalogue row C10)."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import AutoencoderClassifier
from apps.cifar10.models.inputs import classifier, normalized_pictures
from datasets.errors import DataError
from shared_layers.convolution.batch_normalization import BatchNormalization
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm


def build_autoencoder(model: AutoencoderClassifier, spec: dict[str, Any]) -> keras.Model:
    """Builds the autoencoder: pictures [batch, size, size, 3] of 0 to 255 -> the same pictures, 0 to 1, by way of the code.

    Convolutions with a stride of 2 and a fully connected layer make the code; transposed convolutions lead back.

    Raises:
        DataError: pictures of a size that the decoder does not come back to.

    Source: Masci, Meier, Ciresan and Schmidhuber, "Stacked convolutional auto-encoders for hierarchical feature extraction",
    2011; strided instead of pooled, as in Radford, Metz and Chintala, "Unsupervised representation learning with deep
    convolutional generative adversarial networks", 2016.
    """
    side, left = divmod(spec["size"], 2 ** len(model.widths))
    if left:
        raise DataError(
            f"--data.size {spec['size']}: expected a multiple of {2 ** len(model.widths)} for this autoencoder"
        )
    inputs, code = encoded(model, spec)
    x = keras.layers.Dense(side * side * model.widths[-1], activation="relu", name="decoder_dense")(code)
    x = keras.layers.Reshape((side, side, model.widths[-1]), name="decoder_places")(x)
    for number, width in enumerate(reversed(model.widths[:-1]), 1):
        x = keras.layers.Conv2DTranspose(width, 3, 2, "same", use_bias=False, name=f"decoder_convolution{number}")(x)
        x = BatchNormalization(synchronized=True, name=f"decoder_normalization{number}")(x)
        x = keras.layers.Activation("relu", name=f"decoder_activation{number}")(x)
    x = keras.layers.Conv2DTranspose(3, 3, 2, "same", name="decoder_last", dtype="float32")(x)
    pictures = keras.layers.Activation("sigmoid", name="pictures", dtype="float32")(x)
    return keras.Model(inputs, pictures, name="autoencoder")


def encoded(model: AutoencoderClassifier, spec: dict[str, Any]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, size, size, 3] of 0 to 255, and their code [batch, values], not yet trained."""
    inputs, x = normalized_pictures(spec)
    for number, width in enumerate(model.widths, 1):
        x = ConvBatchNorm(width, strides=2, name=f"encoder{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return inputs, keras.layers.Dense(model.code, activation="relu", kernel_initializer="he_normal", name="code")(x)


def build_code_classifier(
    model: AutoencoderClassifier, spec: dict[str, Any], autoencoder: keras.Model | None = None
) -> keras.Model:
    """Builds the encoder with a perceptron on its code: pictures [batch, size, size, 3] of 0 to 255 -> logits [batch, classes].

    Args:
        autoencoder: trained; its encoder is taken over and frozen, its decoder cut off. None: a new encoder, which learns.
    """
    if autoencoder is None:
        inputs, code = encoded(model, spec)
    else:
        inputs, code = autoencoder.inputs[0], autoencoder.get_layer("code").output
        keras.Model(inputs, code).trainable = False
    x = keras.layers.Dense(model.units, activation="relu", kernel_initializer="he_normal", name="hidden")(code)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    return keras.Model(inputs, classifier(spec, x), name="code_classifier")
