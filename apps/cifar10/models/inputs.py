"""The first and last layers of the networks of the app."""

from __future__ import annotations

from typing import Any

import keras


def normalized_pictures(spec: dict[str, Any]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, size, size, 3] of 0 to 255, and the same with mean 0 and deviation 1 a colour."""
    inputs = keras.Input((spec["size"], spec["size"], 3), name="images")
    variance = [deviation**2 for deviation in spec["standard_deviation"]]
    return inputs, keras.layers.Normalization(mean=spec["mean"], variance=variance, name="normalize")(inputs)


def classifier(spec: dict[str, Any], x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns logits, float32 [batch, classes], of features [batch, values]."""
    return keras.layers.Dense(len(spec["class_names"]), dtype="float32", name="classifier")(x)


def small_classifier(spec: dict[str, Any], x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns logits, float32 [batch, classes], of features [batch, values], near zero at first; without bias.

    The weights' standard deviation is 1 / values, as in airbench94 (Jordan 2024).
    """
    bound = 3**0.5 / x.shape[-1]
    return keras.layers.Dense(
        len(spec["class_names"]),
        use_bias=False,
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        dtype="float32",
        name="classifier",
    )(x)
