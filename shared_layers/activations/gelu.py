"""The Gaussian error linear unit with a gradient by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="shared_layers")
def gelu(x):
    """Returns x times the normal distribution's share below x, exactly as Keras' gelu does; it trains faster.

    Args:
        x: float, any shape.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> round(float(gelu(keras.ops.array(1.0))), 4)
    0.8413
    """
    return _gelu(tf.convert_to_tensor(x))


def by_name(name: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns Keras' activation of that name, or for "gelu" the one above."""
    return gelu if name == "gelu" else keras.activations.get(name)


@tf.custom_gradient
def _gelu(x: tf.Tensor):
    below = 0.5 * tf.math.erf(x * math.sqrt(0.5)) + 0.5

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        density = math.sqrt(0.5 / math.pi) * tf.exp(-0.5 * x * x)
        return upstream * (below + x * density)

    return x * below, gradient
