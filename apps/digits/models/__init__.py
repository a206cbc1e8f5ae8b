"""The models of the digits app."""

from __future__ import annotations

from typing import Any

import keras

from apps.digits.config import MLP, Config, ConvNet, LectureCNN, LeNet5, Linear, MaxoutMLP, Siamese
from apps.digits.models.convnet import build_convnet, build_lecture_cnn
from apps.digits.models.lenet5 import build_lenet5
from apps.digits.models.mlp import build_linear, build_maxout_mlp, build_mlp
from apps.digits.models.siamese import build_siamese


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Builds the model that config.model asks for: pictures [batch, 28, 28], 0 to 255, ink bright -> logits.

    The siamese network takes pairs of pictures and gives their distance.
    """
    classes = len(spec["class_names"])
    match config.model:
        case LeNet5():
            return build_lenet5(config.model, classes)
        case LectureCNN():
            return build_lecture_cnn(config.model, classes)
        case Linear():
            return build_linear(config.model, classes)
        case MLP():
            return build_mlp(config.model, classes)
        case MaxoutMLP():
            return build_maxout_mlp(config.model, classes)
        case ConvNet():
            return build_convnet(config.model, classes)
        case Siamese():
            return build_siamese(config.model)
