"""The models of the cifar10 app."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import Config, ResidualNetwork, SpeedrunNetwork
from apps.cifar10.models.residual import build_residual
from apps.cifar10.models.speedrun import build_speedrun


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Builds the model that config.model asks for: pictures [batch, size, size, 3], 0 to 255 -> logits."""
    match config.model:
        case ResidualNetwork():
            return build_residual(config.model, spec)
        case SpeedrunNetwork():
            return build_speedrun(config.model, spec)
