"""A small instance of every layer and loss with inputs: what the contract tests and the gradient check run on.

A new layer gets a line here; a test fails while it is missing. Activations are smooth, so that no kink is near.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from shared_layers.activations.absolute import Absolute
from shared_layers.activations.apl import APL
from shared_layers.activations.centred_softplus import CentredSoftplus
from shared_layers.activations.maxout import Maxout
from shared_layers.activations.noisy_relu import NoisyReLU
from shared_layers.activations.rrelu import RReLU
from shared_layers.activations.vrelu import VReLU
from shared_layers.attention.attention_decoder import AttentionDecoder
from shared_layers.attention.bahdanau import BahdanauAttention
from shared_layers.attention.spelling_decoder import SpellingDecoder
from shared_layers.audio.cepstra import Cepstra
from shared_layers.audio.deltas import Deltas
from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.mix_speech import MixSpeech
from shared_layers.audio.spec_augment import SpecAugment
from shared_layers.audio.stack_frames import StackFrames
from shared_layers.audio.warp_frequencies import WarpFrequencies
from shared_layers.convolution.batch_normalization import BatchNormalization
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.dense_block import DenseBlock, NormActConv
from shared_layers.convolution.depthwise_separable import DepthwiseSeparable
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.convolution.framewise_convnet import FramewiseConvNet
from shared_layers.convolution.fully_convolutional import DenseOverWindows
from shared_layers.convolution.inception import Inception
from shared_layers.convolution.local_response_normalization import LocalResponseNormalization
from shared_layers.convolution.residual import BasicResidualBlock, BottleneckResidualBlock
from shared_layers.convolution.trainable_subsampling import TrainableSubsampling
from shared_layers.convolution.whitening import WhiteningConvolution
from shared_layers.ctc.loss import ctc_loss
from shared_layers.gradient_check import TOLERANCE, gradient_errors
from shared_layers.images.reflection_padding import CropLike, PadToMultiple
from shared_layers.images.shifted_views import VIEWS, MeanOverViews, ShiftedViews
from shared_layers.losses.contrastive import ContrastiveLoss
from shared_layers.losses.smoothed_crossentropy import SmoothedSparseCategoricalCrossentropy
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization
from shared_layers.masking.standardize_frames import StandardizeFrames
from shared_layers.masking.subtract_running_mean import SubtractRunningMean
from shared_layers.recurrent.bidirectional import BidirectionalRecurrent
from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM
from shared_layers.recurrent.gru import GRU
from shared_layers.recurrent.lstm import LSTM
from shared_layers.recurrent.peephole_lstm_cell import PeepholeLSTMCell
from shared_layers.recurrent.projected_lstm import ProjectedLSTM
from shared_layers.recurrent.projected_lstm_cell import ProjectedLSTMCell
from shared_layers.recurrent.row_convolution import RowConvolution
from shared_layers.scalp.average_reference import AverageReference
from shared_layers.scalp.band_power import BandPower
from shared_layers.scalp.logarithm import Logarithm
from shared_layers.scalp.scalp_image import ScalpImage
from shared_layers.scalp.window_means import WindowMeans
from shared_layers.siamese.siamese_distance import SiameseDistance


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape)


def _off_zero(*shape: int) -> np.ndarray:
    """Returns values at least 0.1 from zero, where most activations have their kink."""
    values = _normal(*shape)
    return values + np.copysign(0.1, values)


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
    always_float32: str | None = None
    """Why it computes in float32 whatever its policy says."""
    float32_inside: str | None = None
    """What of it computes in float32 under every policy, so that its gradients can be checked to 1e-2 only."""

    @property
    def tolerance(self) -> float:
        """Largest relative error of a correct gradient."""
        return 1e-2 if self.float32_inside else TOLERANCE

    def gradient_errors(self, probes: int = 40) -> dict[str, float]:
        """Returns the relative error of each gradient, with trained-looking weights instead of zeros and ones.

        In float64; what computes in float32 by a wider step and relative to 1e-3 at least.
        """
        dtype = "float32" if self.float32_inside else "float64"
        precision = {"step": 1e-2, "floor": 1e-3} if self.float32_inside else {}
        keras.utils.set_random_seed(0)
        layer = self.build(dtype=dtype)
        inputs = [value.astype(dtype) if value.dtype.kind == "f" else value for value in self.inputs]
        self.call(layer, inputs)
        variables = list(getattr(layer, "trainable_variables", []))
        generator = np.random.default_rng(8)
        for variable in variables:
            variable.assign(variable + 0.3 * generator.standard_normal(variable.shape))
        return gradient_errors(
            lambda *tensors: self.call(layer, tensors), inputs, variables, probes=probes, **precision
        )


CASES: dict[str, Case] = {
    "APL": Case(lambda **kwargs: APL(hinges=3, **kwargs), [_off_zero(3, 4)]),
    "Absolute": Case(lambda **kwargs: Absolute(**kwargs), [_off_zero(3, 4)]),
    "AttentionDecoder": Case(
        lambda **kwargs: AttentionDecoder(11, units=4, embedding_width=5, attention_units=4, **kwargs),
        [_normal(2, 3, 4), _integers([1, 4, 5], [1, 7, 0])],
        always_float32="logits stay in float32",
        float32_inside="attention energies and logits",
    ),
    "BahdanauAttention": Case(
        lambda **kwargs: BahdanauAttention(4, **kwargs),
        [_normal(2, 5), _normal(2, 6, 3)],
        call=lambda layer, inputs: layer(inputs[0], layer.keys(inputs[1]), inputs[1]),
        float32_inside="energies before the softmax",
    ),
    "AverageReference": Case(lambda **kwargs: AverageReference([0, 3, 1], **kwargs), [_normal(2, 4, 5)]),
    "BandPower": Case(
        lambda **kwargs: BandPower([[8, 13], [15, 30]], 128, **kwargs),
        [_normal(2, 2, 64)],
        always_float32="squared signals in volts underflow in half precision",
        float32_inside="all",
    ),
    "BatchNormalization": Case(lambda **kwargs: BatchNormalization(**kwargs), [_normal(2, 5, 4, 3)]),
    "BasicResidualBlock": Case(
        lambda **kwargs: BasicResidualBlock(4, activation="gelu", **kwargs), [_normal(2, 5, 4, 4)]
    ),
    "BidirectionalLSTM": Case(
        lambda **kwargs: BidirectionalLSTM(3, **kwargs), [_normal(2, 5, 4), _integers(5, 2)]
    ),
    "BidirectionalRecurrent": Case(
        lambda dtype=None, **kwargs: BidirectionalRecurrent(
            *(keras.layers.GRU(3, return_sequences=True, dtype=dtype) for _ in range(2)), dtype=dtype, **kwargs
        ),
        [_normal(2, 5, 4), _integers(5, 2)],
    ),
    "GRU": Case(lambda **kwargs: GRU(3, return_sequences=True, **kwargs), [_normal(2, 5, 4)]),
    "LSTM": Case(lambda **kwargs: LSTM(3, return_sequences=True, **kwargs), [_normal(2, 5, 4)]),
    "BottleneckResidualBlock": Case(
        lambda **kwargs: BottleneckResidualBlock(8, activation="gelu", **kwargs), [_normal(2, 4, 5, 8)]
    ),
    "CentredSoftplus": Case(lambda **kwargs: CentredSoftplus(**kwargs), [_normal(3, 4)]),
    "Cepstra": Case(lambda **kwargs: Cepstra(3, **kwargs), [_normal(2, 4, 6)]),
    "ContrastiveLoss": Case(
        lambda **kwargs: ContrastiveLoss(1.5, **kwargs),
        [_integers(1, 0, 0, 1), np.array([0.3, 0.7, 2.1, 1.2])],
        always_float32="losses stay in float32",
        float32_inside="all",
    ),
    "ConvBatchNorm": Case(
        lambda **kwargs: ConvBatchNorm(4, pool_size=2, activation="gelu", **kwargs), [_normal(2, 6, 5, 3)]
    ),
    "CropLike": Case(
        lambda **kwargs: CropLike(**kwargs),
        [_normal(2, 8, 8, 3), _normal(2, 5, 7, 1)],
        call=lambda layer, inputs: layer(list(inputs)),
    ),
    "Deltas": Case(lambda **kwargs: Deltas(width=5, **kwargs), [_normal(2, 7, 3), _integers(7, 4)]),
    "DenseBlock": Case(
        lambda **kwargs: DenseBlock(2, 3, bottleneck=True, activation="gelu", **kwargs), [_normal(2, 4, 5, 3)]
    ),
    "DenseOverWindows": Case(
        lambda dtype=None, **kwargs: DenseOverWindows(
            keras.layers.Dense(3, activation="tanh", dtype=dtype), (2, 3), dtype=dtype, **kwargs
        ),
        [_normal(2, 4, 5, 2)],
    ),
    "DepthwiseSeparable": Case(
        lambda **kwargs: DepthwiseSeparable(4, strides=2, activation="gelu", **kwargs), [_normal(2, 5, 4, 3)]
    ),
    "FrameBatchNormalization": Case(
        lambda **kwargs: FrameBatchNormalization(**kwargs), [_normal(2, 7, 4), _integers(7, 5)]
    ),
    "FrameConvolution": Case(
        lambda **kwargs: FrameConvolution(4, 3, (2, 2), activation="tanh", **kwargs),
        [_normal(2, 7, 6, 2), _integers(7, 4)],
    ),
    "FramewiseConvNet": Case(
        lambda **kwargs: FramewiseConvNet([3, 0, 4], activation="gelu", **kwargs), [_normal(2, 3, 6, 6, 2)]
    ),
    "Inception": Case(
        lambda **kwargs: Inception((2, 2, 3, 1, 2, 2), activation="gelu", **kwargs), [_normal(2, 4, 5, 3)]
    ),
    "LocalResponseNormalization": Case(
        lambda **kwargs: LocalResponseNormalization(3, 1.0, 0.5, **kwargs), [_normal(2, 4, 6)]
    ),
    "LogMel": Case(
        lambda **kwargs: LogMel(bins=10, **kwargs),
        [0.1 * _normal(2, 1600), _integers(1600, 900)],
        float32_inside="all",
        always_float32="powers of small signals underflow in half precision",
    ),
    "Logarithm": Case(
        lambda **kwargs: Logarithm(0.1, **kwargs),
        [np.abs(_normal(2, 5)) + 0.5],
        always_float32="band powers underflow in half precision",
        float32_inside="all",
    ),
    "Maxout": Case(lambda **kwargs: Maxout(pieces=3, **kwargs), [_normal(2, 5, 6)]),
    "MeanOverViews": Case(lambda **kwargs: MeanOverViews(**kwargs), [_normal(2 * VIEWS, 3)]),
    "MixSpeech": Case(lambda **kwargs: MixSpeech(0.5, seed=1, **kwargs), [_normal(2, 7, 4), _integers(7, 5)]),
    "NormActConv": Case(lambda **kwargs: NormActConv(4, activation="gelu", **kwargs), [_normal(2, 5, 4, 3)]),
    "NoisyReLU": Case(lambda **kwargs: NoisyReLU(seed=1, **kwargs), [_off_zero(3, 4)]),
    "PadToMultiple": Case(lambda **kwargs: PadToMultiple(4, **kwargs), [_normal(2, 5, 7, 3)]),
    "PeepholeLSTMCell": Case(
        lambda **kwargs: PeepholeLSTMCell(3, **kwargs),
        [_normal(2, 4), _normal(2, 3), _normal(2, 3)],
        call=lambda layer, inputs: layer(inputs[0], list(inputs[1:])),
    ),
    "ProjectedLSTM": Case(
        lambda **kwargs: ProjectedLSTM(4, 3, return_sequences=True, **kwargs), [_normal(2, 5, 4)]
    ),
    "ProjectedLSTMCell": Case(
        lambda **kwargs: ProjectedLSTMCell(4, projection=3, **kwargs),
        [_normal(2, 4), _normal(2, 3), _normal(2, 4)],
        call=lambda layer, inputs: layer(inputs[0], list(inputs[1:])),
    ),
    "RReLU": Case(lambda **kwargs: RReLU(seed=1, **kwargs), [_off_zero(3, 4)]),
    "RowConvolution": Case(
        lambda **kwargs: RowConvolution(2, **kwargs), [_normal(2, 7, 4), _integers(7, 4)]
    ),
    "ScalpImage": Case(
        lambda **kwargs: ScalpImage([[-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]], size=4, **kwargs),
        [_normal(2, 3, 5)],
    ),
    "ShiftedViews": Case(lambda **kwargs: ShiftedViews(**kwargs), [_normal(2, 4, 5, 3)]),
    "SiameseDistance": Case(
        lambda **kwargs: SiameseDistance(**kwargs),
        [_normal(3, 4), 2.0 * _normal(3, 4)[::-1]],
        always_float32="squares of small differences vanish in half precision",
        float32_inside="all",
    ),
    "SmoothedSparseCategoricalCrossentropy": Case(
        lambda **kwargs: SmoothedSparseCategoricalCrossentropy(0.1, **kwargs),
        [_integers(0, 2), _normal(2, 4)],
        always_float32="losses stay in float32",
        float32_inside="all",
    ),
    "SpecAugment": Case(
        lambda **kwargs: SpecAugment(seed=1, **kwargs), [_normal(2, 20, 8), _integers(20, 11)]
    ),
    "SpellingDecoder": Case(
        lambda **kwargs: SpellingDecoder(5, units=4, embedding_width=3, attention_units=4, **kwargs),
        [_normal(2, 6, 3), _integers(6, 4), _integers([4, 1, 2], [4, 0, 4])],
        always_float32="logits stay in float32",
        float32_inside="attention energies and logits",
    ),
    "StackFrames": Case(
        lambda **kwargs: StackFrames(2, 1, 3, **kwargs), [_normal(2, 7, 3), _integers(7, 4)]
    ),
    "StandardizeFrames": Case(
        lambda **kwargs: StandardizeFrames(**kwargs), [_normal(2, 7, 4), _integers(7, 5)]
    ),
    "SubtractRunningMean": Case(
        lambda **kwargs: SubtractRunningMean(5, **kwargs), [_normal(2, 7, 4), _integers(7, 4)]
    ),
    "TrainableSubsampling": Case(lambda **kwargs: TrainableSubsampling(2, **kwargs), [_normal(2, 4, 6, 3)]),
    "VReLU": Case(lambda **kwargs: VReLU(0.2, **kwargs), [_off_zero(3, 4)]),
    "WarpFrequencies": Case(lambda **kwargs: WarpFrequencies(0.2, seed=1, **kwargs), [_normal(2, 7, 8)]),
    "WhiteningConvolution": Case(
        lambda **kwargs: WhiteningConvolution(np.diag([1.0, 2.0, 3.0, 4.0]), **kwargs), [_normal(2, 4, 5, 1)]
    ),
    "WindowMeans": Case(lambda **kwargs: WindowMeans(3, 4, **kwargs), [_normal(2, 3, 9)]),
}  # fmt: skip

FUNCTIONS: dict[str, Case] = {
    "ctc_loss": Case(
        lambda **kwargs: ctc_loss,
        [_integers([1, 1, 0], [2, -1, -1]), _normal(2, 7, 4), _integers(7, 5)],
        call=lambda loss, inputs: loss(*inputs),
        float32_inside="all",
    ),
}
"""What is differentiable and no layer."""
