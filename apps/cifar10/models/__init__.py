"""The models of the cifar10 app."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10.config import (
    MLP,
    VGG,
    AlexNet,
    AutoencoderClassifier,
    Config,
    DenseNet,
    InceptionNetwork,
    MobileNet,
    ResidualNetwork,
    SpeedrunNetwork,
    Transfer,
    Xception,
)
from apps.cifar10.models.alexnet import build_alexnet
from apps.cifar10.models.autoencoder import build_code_classifier
from apps.cifar10.models.densenet import build_densenet
from apps.cifar10.models.inception import build_inception
from apps.cifar10.models.mlp import build_mlp
from apps.cifar10.models.residual import build_residual
from apps.cifar10.models.separable import build_mobilenet, build_xception
from apps.cifar10.models.speedrun import build_speedrun
from apps.cifar10.models.transfer import build_transfer
from apps.cifar10.models.vgg import build_vgg


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Builds the model that config.model asks for: pictures [batch, size, size, 3], 0 to 255 -> logits."""
    match config.model:
        case ResidualNetwork():
            return build_residual(config.model, spec)
        case SpeedrunNetwork():
            return build_speedrun(config.model, spec)
        case AlexNet():
            return build_alexnet(config.model, spec)
        case VGG():
            return build_vgg(config.model, spec)
        case InceptionNetwork():
            return build_inception(config.model, spec)
        case DenseNet():
            return build_densenet(config.model, spec)
        case MobileNet():
            return build_mobilenet(config.model, spec)
        case Xception():
            return build_xception(config.model, spec)
        case MLP():
            return build_mlp(config.model, spec)
        case Transfer():
            return build_transfer(config.model, spec)
        case AutoencoderClassifier():
            return build_code_classifier(config.model, spec)
