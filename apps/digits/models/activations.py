"""Activations by name: Keras' own and those of shared_layers."""

from __future__ import annotations

import keras

from shared_layers.activations.absolute import Absolute
from shared_layers.activations.apl import APL
from shared_layers.activations.centred_softplus import CentredSoftplus
from shared_layers.activations.maxout import Maxout
from shared_layers.activations.noisy_relu import NoisyReLU
from shared_layers.activations.rrelu import RReLU
from shared_layers.activations.vrelu import VReLU


def activation(kind: str, name: str) -> keras.layers.Layer:
    """Returns a new activation layer called `name`; Maxout has two pieces and so halves the number of units.

    Raises:
        ValueError: a kind that neither Keras nor shared_layers knows.
    """
    match kind:
        case "Maxout":
            return Maxout(pieces=2, name=name)
        case "APL":
            return APL(name=name)
        case "RReLU":
            return RReLU(name=name)
        case "VReLU":
            return VReLU(name=name)
        case "Absolute":
            return Absolute(name=name)
        case "NoisyReLU":
            return NoisyReLU(name=name)
        case "CentredSoftplus":
            return CentredSoftplus(name=name)
    try:
        return keras.layers.Activation(kind, name=name)
    except ValueError:
        raise ValueError(
            f"--model.activation {kind}: Keras has no such activation, and ours are Maxout, APL, RReLU, VReLU, Absolute, "
            "NoisyReLU and CentredSoftplus"
        ) from None
