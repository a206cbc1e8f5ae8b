"""A2: the convolutional denoising autoencoder, with and without skip connections."""

from __future__ import annotations

import keras
from keras import layers

from apps.denoising.config import ConvolutionalAutoencoder
from shared_layers.images.reflection_padding import CropLike, PadToMultiple


def build(model: ConvolutionalAutoencoder, channels: int) -> keras.Model:
    """Returns the network: noisy float [n, height, width, channels] in 0..1 (noise may leave it) -> cleaned, same shape.

    Convolutions have no biases, so that the network answers in proportion to its input and carries over to other noise
    levels (Mohan, Kadkhodaie, Simoncelli and Fernandez-Granda, "Robust and interpretable blind image denoising via
    bias-free convolutional neural networks", ICLR 2020). Skip connections by addition after Mao, Shen and Yang, "Image
    restoration using very deep convolutional encoder-decoder networks with symmetric skip connections", 2016; predicting
    the noise after Zhang et al., "Beyond a Gaussian denoiser", 2017.
    """
    *outer, inner = list(enumerate(model.widths))
    noisy = keras.Input((None, None, channels), name="noisy")
    padded = PadToMultiple(2 ** len(outer), name="pad", dtype="float32")(noisy)
    x = _convolution(model.widths[0], 3, "stem")(padded)
    skipped = []
    for level, width in outer:
        x = _blocks(x, width, model.blocks, f"down{level}")
        skipped.append(x)
        x = _convolution(model.widths[level + 1], 2, f"down{level}_stride", strides=2)(x)
    x = _blocks(x, inner[1], model.blocks, "bottom")
    for level, width in reversed(outer):
        x = layers.Conv2DTranspose(width, 2, strides=2, use_bias=False, name=f"up{level}_stride")(x)
        if model.skip_connections:
            x = layers.Add(name=f"up{level}_skip")([x, skipped[level]])
        x = _blocks(x, width, model.blocks, f"up{level}")
    start = "zeros" if model.skip_connections else "lecun_normal"
    x = _convolution(channels, 3, "head", dtype="float32", kernel_initializer=start)(x)
    if model.skip_connections:
        x = layers.Subtract(name="noise_removed", dtype="float32")([padded, x])
    return keras.Model(noisy, CropLike(name="cleaned", dtype="float32")([x, noisy]), name="convolutional_autoencoder")


def _convolution(width: int, size: int, name: str, **options) -> layers.Conv2D:
    options = {"kernel_initializer": "he_normal", **options}
    return layers.Conv2D(width, size, padding="same", use_bias=False, name=name, **options)


def _blocks(x: keras.KerasTensor, width: int, count: int, name: str) -> keras.KerasTensor:
    """Adds what two convolutions make of x; they start by adding nothing, so that depth does not blow up the values."""
    for block in range(count):
        inside = layers.ReLU(name=f"{name}_{block}_relu")(_convolution(width, 3, f"{name}_{block}_first")(x))
        inside = _convolution(width, 3, f"{name}_{block}_second", kernel_initializer="zeros")(inside)
        x = layers.Add(name=f"{name}_{block}_add")([x, inside])
    return x
