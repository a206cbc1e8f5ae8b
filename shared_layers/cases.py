"""A small instance of every layer and loss with inputs: what the contract tests and the gradient check run on.

A new layer gets a line here; a test fails while it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared_layers.attention.attention_decoder import AttentionDecoder
from shared_layers.attention.bahdanau import BahdanauAttention
from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.spec_augment import SpecAugment
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.convolution.residual import BasicResidualBlock, BottleneckResidualBlock
from shared_layers.convolution.trainable_subsampling import TrainableSubsampling
from shared_layers.gradient_check import TOLERANCE, gradient_errors
from shared_layers.images.reflection_padding import CropLike, PadToMultiple
from shared_layers.losses.smoothed_crossentropy import SmoothedSparseCategoricalCrossentropy
from shared_layers.masking.standardize_frames import StandardizeFrames
from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape)


def _integers(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


def _in_order(layer: Any, inputs: Sequence[Any]) -> Any:
    return layer(*inputs)


@dataclass(frozen=True)
class Case:
    """One layer or loss."""

    build: Callable[..., Any]
    """dtype policy as `dtype` -> the layer."""
    inputs: Sequence[np.ndarray]
    """Floating-point inputs are cast to the policy's type."""
    call: Callable[[Any, Sequence[Any]], Any] = _in_order
    """(layer, inputs) -> outputs, where the layer does not take its inputs one after the other."""
    not_differentiated: str | None = None
    """Why the gradient check leaves it out."""
    always_float32: str | None = None
    """Why it computes in float32 whatever its policy says."""
    tolerance: float = TOLERANCE

    def gradient_errors(self, probes: int = 40) -> dict[str, float]:
        """Returns the relative error of each gradient in float64, with trained-looking weights instead of zeros and ones."""
        layer = self.build(dtype="float64")
        inputs = [value.astype("float64") if value.dtype.kind == "f" else value for value in self.inputs]
        self.call(layer, inputs)
        variables = list(getattr(layer, "trainable_variables", []))
        generator = np.random.default_rng(8)
        for variable in variables:
            variable.assign(variable + 0.3 * generator.standard_normal(variable.shape))
        return gradient_errors(lambda *tensors: self.call(layer, tensors), inputs, variables, probes=probes)


CASES: dict[str, Case] = {
    "AttentionDecoder": Case(
        lambda **kwargs: AttentionDecoder(11, units=6, embedding_width=5, attention_units=4, **kwargs),
        [_normal(2, 9, 7), _integers([1, 4, 5], [1, 7, 0])],
        always_float32="logits stay in float32",
    ),
    "BahdanauAttention": Case(
        lambda **kwargs: BahdanauAttention(4, **kwargs),
        [_normal(2, 5), _normal(2, 6, 3)],
        call=lambda layer, inputs: layer(inputs[0], layer.keys(inputs[1]), inputs[1]),
    ),
    "BasicResidualBlock": Case(
        lambda **kwargs: BasicResidualBlock(4, activation="gelu", **kwargs), [_normal(2, 5, 4, 4)]
    ),
    "BidirectionalLSTM": Case(
        lambda **kwargs: BidirectionalLSTM(3, **kwargs), [_normal(2, 5, 4), _integers(5, 2)]
    ),
    "BottleneckResidualBlock": Case(
        lambda **kwargs: BottleneckResidualBlock(8, activation="gelu", **kwargs), [_normal(2, 4, 5, 8)]
    ),
    "ConvBatchNorm": Case(
        lambda **kwargs: ConvBatchNorm(4, pool_size=2, activation="gelu", **kwargs), [_normal(2, 6, 5, 3)]
    ),
    "CropLike": Case(
        lambda **kwargs: CropLike(**kwargs),
        [_normal(2, 8, 8, 3), _normal(2, 5, 7, 1)],
        call=lambda layer, inputs: layer(list(inputs)),
    ),
    "FrameConvolution": Case(
        lambda **kwargs: FrameConvolution(4, 3, (2, 2), activation="tanh", **kwargs),
        [_normal(2, 7, 6, 2), _integers(7, 4)],
    ),
    "LogMel": Case(
        lambda **kwargs: LogMel(bins=10, **kwargs),
        [0.1 * _normal(2, 1600), _integers(1600, 900)],
        not_differentiated="computes in float32 alone and stands before every trained layer",
        always_float32="powers of small signals underflow in half precision",
    ),
    "PadToMultiple": Case(lambda **kwargs: PadToMultiple(4, **kwargs), [_normal(2, 5, 7, 3)]),
    "SmoothedSparseCategoricalCrossentropy": Case(
        lambda **kwargs: SmoothedSparseCategoricalCrossentropy(0.1, **kwargs),
        [_integers(0, 2), _normal(2, 4)],
        not_differentiated="computes in float32 alone; composed of log_softmax and means",
        always_float32="losses stay in float32",
    ),
    "SpecAugment": Case(
        lambda **kwargs: SpecAugment(seed=1, **kwargs), [_normal(2, 20, 8), _integers(20, 11)]
    ),
    "StandardizeFrames": Case(
        lambda **kwargs: StandardizeFrames(**kwargs), [_normal(2, 7, 4), _integers(7, 5)]
    ),
    "TrainableSubsampling": Case(lambda **kwargs: TrainableSubsampling(2, **kwargs), [_normal(2, 4, 6, 3)]),
}  # fmt: skip
