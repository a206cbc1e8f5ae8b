"""The models of the digits app."""

from __future__ import annotations

from typing import Any

import keras

from apps.digits.config import Config, LeNet5
from apps.digits.models.lenet5 import build_lenet5


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Builds the model that config.model asks for: pictures [batch, 28, 28], 0 to 255, ink bright -> logits."""
    match config.model:
        case LeNet5():
            return build_lenet5(config.model, len(spec["class_names"]))
