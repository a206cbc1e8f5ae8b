"""The first layers of every network of the app."""

from __future__ import annotations

from typing import Any

import keras


def normalized_pictures(spec: dict[str, Any]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, size, size, 3] of 0 to 255, and the same with mean 0 and deviation 1 a colour."""
    inputs = keras.Input((spec["size"], spec["size"], 3), name="images")
    variance = [deviation**2 for deviation in spec["standard_deviation"]]
    return inputs, keras.layers.Normalization(mean=spec["mean"], variance=variance, name="normalize")(inputs)
