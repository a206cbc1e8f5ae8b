"""The captioning models."""

from __future__ import annotations

from typing import Any

import keras

from apps.captioning.config import Config, ConvNetAttention, MobileNetAttention
from apps.captioning.models.convnet import build_convnet
from apps.captioning.models.mobilenet import build_mobilenet
from shared_layers.attention.attention_decoder import AttentionDecoder
from shared_layers.attention.captioner import Captioner

__all__ = ["build", "build_mobilenet"]


def build(config: Config, spec: dict[str, Any]) -> keras.Model:
    """Returns the untrained captioner: encoder and attention decoder."""
    model = config.model
    match model:
        case MobileNetAttention():
            encoder = build_mobilenet(model.picture_size, model.encoder_alpha, model.encoder_weights)
        case ConvNetAttention():
            encoder = build_convnet(model.picture_size, model.widths)
    decoder = AttentionDecoder(
        len(spec["vocabulary"]),
        units=model.units,
        embedding_width=model.embedding_width,
        attention_units=model.attention_units,
        dropout=model.dropout,
        coverage_penalty=model.coverage_penalty,
        name="decoder",
    )
    return Captioner(encoder, decoder, name="captioner")
