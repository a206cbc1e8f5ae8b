"""The models of the denoising app."""

from __future__ import annotations

from typing import Any

import keras

from apps.denoising.config import Config, ConvolutionalAutoencoder
from apps.denoising.models import convolutional


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Returns the model of the settings, not compiled: noisy pictures [n, h, w, channels] -> cleaned, both in 0..1."""
    match config.model:
        case ConvolutionalAutoencoder():
            return convolutional.build(config.model, spec["channels"])
