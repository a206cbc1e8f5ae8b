"""Output size, receptive field, weights and multiply-adds of a network, layer by layer, by the formulas of the textbooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.convolution.dense_block import DenseBlock, NormActConv
from shared_layers.convolution.depthwise_separable import DepthwiseSeparable
from shared_layers.convolution.fully_convolutional import DenseOverWindows
from shared_layers.convolution.inception import Inception
from shared_layers.convolution.residual import BasicResidualBlock, BottleneckResidualBlock
from shared_layers.convolution.whitening import WhiteningConvolution


@dataclass(frozen=True)
class Window:
    """A square kernel that moves over a picture; filters 0: pooling, which keeps the channels."""

    size: int
    strides: int = 1
    padding: str = "same"
    filters: int = 0
    groups: int = 1
    """Parts of the channels, each with filters of its own; as many as channels: depthwise."""
    dilation: int = 1
    """Places of the input from one of the kernel's to the next."""

    @property
    def span(self) -> int:
        """Places of the input from the kernel's first to its last."""
        return (self.size - 1) * self.dilation + 1


@dataclass(frozen=True)
class State:
    """What is known of a layer's output."""

    height: int
    width: int
    channels: int
    receptive_field: int = 1
    """Side, in pixels of the input, of what one place of the output can see."""
    stride: int = 1
    """Pixels of the input between two places of the output; 0: all of them see the same."""
    multiply_adds: int = 0
    """Of the layer, for one picture."""


@dataclass(frozen=True)
class LayerCost:
    """A row of the table."""

    name: str
    kind: str
    state: State
    parameters: int


def output_size(size: int, kernel: int, strides: int, padding: str) -> int:
    """Returns Q = floor((M + 2P - K) / S) + 1, the places of a kernel of K that moves by S over M pixels and P of padding a side.

    "same" pads as much, at one side a pixel more if need be, as makes Q = ceil(M / S).

    Example:
        >>> output_size(32, 5, 1, "valid"), output_size(32, 3, 2, "same"), output_size(15, 3, 2, "valid")
        (28, 16, 7)
    """
    padded = max((-(-size // strides) - 1) * strides + kernel - size, 0) if padding == "same" else 0
    return (size + padded - kernel) // strides + 1


def layer_costs(model: keras.Model, size: tuple[int, int] | None = None) -> list[LayerCost]:
    """Returns a row for every layer of a functional or sequential model on pictures of one size, in the order of the model.

    Where pictures are resized first, receptive field and stride are in pixels of the resized ones.

    Convolutions and matrix products are counted, normalisations and activations are not.

    Args:
        size: height and width of the pictures, for a model that takes any, such as one in fully convolutional form; None: those
            that the model takes.

    Raises:
        ValueError: a layer of an unknown kind or with a kernel that is not square, or a model for pictures of any size and no size.
    """
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    height, width = size or model.input_shape[1:3]
    if height is None or width is None:
        raise ValueError(f"{model.name}: takes pictures of any size; pass the height and width to count for")
    # A layer may be shared with other models; the node is its place in this one.
    nodes = {node.operation.name: node for nodes in model._nodes_by_depth.values() for node in nodes}
    states: dict[str, State] = {model.layers[0].name: State(height, width, model.input_shape[-1])}
    rows = []
    for layer in model.layers[1:]:
        inputs = nodes[layer.name].input_tensors
        before = widest([states[tensor._keras_history.operation.name] for tensor in inputs])
        states[layer.name] = after(layer, before)
        rows.append(LayerCost(layer.name, type(layer).__name__, states[layer.name], layer.count_params()))
    return rows


def widest(states: Sequence[State]) -> State:
    """Returns the state of several inputs of one layer: it sees what the farthest-seeing of them sees."""
    return max(states, key=lambda state: state.receptive_field)


def after(layer: Any, before: State) -> State:
    """Returns the output's state of a layer whose input's is known."""
    same = replace(before, multiply_adds=0)
    match layer:
        case keras.layers.Dense():
            work = before.height * before.width * before.channels * layer.units
            return replace(before, channels=layer.units, multiply_adds=work)
        case keras.layers.GlobalMaxPooling2D() | keras.layers.GlobalAveragePooling2D() | keras.layers.Flatten():
            seen = before.receptive_field + (max(before.height, before.width) - 1) * before.stride
            flat = before.height * before.width if isinstance(layer, keras.layers.Flatten) else 1
            return State(1, 1, flat * before.channels, seen, before.stride)
        case keras.layers.Reshape(target_shape=(height, width, channels)) if before.height == before.width == 1:
            return State(height, width, channels, before.receptive_field, 0)
        case keras.layers.Resizing():
            return State(layer.height, layer.width, before.channels)
        case keras.layers.ZeroPadding2D():
            (top, bottom), (left, right) = layer.padding
            return replace(same, height=before.height + top + bottom, width=before.width + left + right)
        case keras.layers.Conv2DTranspose():
            return _transposed(layer, before)
        case DenseBlock():
            return _dense_block(layer, before)
    branches = _branches(layer, before.channels)
    if not branches:
        return same
    ends = [_moved(branch, same) for branch in branches]
    joined = sum(end.channels for end in ends) if isinstance(layer, Inception) else ends[0].channels
    end = widest(ends)
    total = sum(state.multiply_adds for state in ends)
    return State(end.height, end.width, joined, end.receptive_field, end.stride, total)


def _moved(windows: Sequence[Window], state: State) -> State:
    """Returns the state after several windows, one after the other, with the multiply-adds of them all."""
    for window in windows:
        height, width = (
            output_size(s, window.span, window.strides, window.padding) for s in (state.height, state.width)
        )
        filters = window.filters or state.channels
        work = window.size**2 * state.channels // window.groups * window.filters * height * width
        state = State(
            height,
            width,
            filters,
            state.receptive_field + (window.span - 1) * state.stride,
            state.stride * window.strides,
            state.multiply_adds + work,
        )
    return state


def _transposed(layer: keras.layers.Conv2DTranspose, before: State) -> State:
    """Returns the state after a transposed convolution: every place of its input adds a kernel of K to places S apart, so that a
    place of its output gets something of ceil(K / S) of them."""
    kernel, strides = _side(layer, layer.kernel_size), _side(layer, layer.strides)
    if max(layer.dilation_rate) > 1 or layer.output_padding is not None:
        raise ValueError(f"{layer.name}: a transposed convolution with dilation or output padding is not counted")
    beyond = max(kernel - strides, 0) if layer.padding == "valid" else 0
    return State(
        before.height * strides + beyond,
        before.width * strides + beyond,
        layer.filters,
        before.receptive_field + (-(-kernel // strides) - 1) * before.stride,
        before.stride // strides,
        kernel**2 * before.channels * layer.filters * before.height * before.width,
    )


def _dense_block(layer: DenseBlock, before: State) -> State:
    state, work = before, 0
    for step in layer.steps:
        grown = _moved([window for part in step for window in _branches(part, 0)[0]], replace(state, multiply_adds=0))
        work += grown.multiply_adds
        state = State(
            grown.height, grown.width, state.channels + layer.growth_rate, grown.receptive_field, grown.stride
        )
    return replace(state, multiply_adds=work)


def _branches(layer: Any, channels: int) -> list[list[Window]]:
    """Returns the windows of a layer, those that follow each other as one branch; none where places do not mix.

    Raises:
        ValueError: a layer of an unknown kind.
    """
    match layer:
        case ConvBatchNorm():
            pool = [Window(layer.pool_size, layer.pool_size, "valid")] if layer.pool_size > 1 else []
            return [[Window(layer.kernel_size, layer.strides, filters=layer.filters), *pool]]
        case BasicResidualBlock() | BottleneckResidualBlock():
            return [[window for part in layer.convolutions for window in _branches(part, channels)[0]]]
        case NormActConv():
            return [[Window(layer.kernel_size, filters=layer.filters)]]
        case DepthwiseSeparable():
            return [[Window(3, layer.strides, filters=channels, groups=channels), Window(1, filters=layer.filters)]]
        case Inception():
            one, reduce3, three, reduce5, five, projection = layer.filters
            return [
                [Window(1, filters=one)],
                [Window(1, filters=reduce3), Window(3, filters=three)],
                [Window(1, filters=reduce5), Window(5, filters=five)],
                [Window(3), Window(1, filters=projection)],
            ]
        case WhiteningConvolution():
            return [[Window(layer.kernel_size, padding="valid", filters=layer.kernel.shape[-1])]]
        case DenseOverWindows():
            return [[Window(_side(layer, layer.window), padding="valid", filters=layer.dense.units)]]
        case keras.layers.DepthwiseConv2D():
            return [[_window(layer, layer.kernel_size, layer.depth_multiplier * channels, channels)]]
        case keras.layers.Conv2D():
            return [[_window(layer, layer.kernel_size, layer.filters, layer.groups)]]
        case keras.layers.MaxPooling2D() | keras.layers.AveragePooling2D():
            return [[_window(layer, layer.pool_size)]]
    if type(layer).__name__ in _EACH_PLACE:
        return []
    raise ValueError(f"{layer.name}: how much a {type(layer).__name__} sees and costs is not known; add it to cost.py")


def _window(layer: Any, size: tuple[int, int], filters: int = 0, groups: int = 1) -> Window:
    """Returns the window of one of Keras' own convolutions or poolings."""
    dilation = _side(layer, getattr(layer, "dilation_rate", (1, 1)))
    return Window(_side(layer, size), _side(layer, layer.strides), layer.padding, filters, groups, dilation)


def _side(layer: Any, sides: tuple[int, int]) -> int:
    """Returns what a kernel's size, strides or dilation are both down and across."""
    if sides[0] != sides[1]:
        raise ValueError(
            f"{layer.name}: {sides[0]} x {sides[1]}, but only kernels, strides and dilations as high as wide are counted"
        )
    return sides[0]


_EACH_PLACE = (
    "Activation Add BatchNormalization Dropout Identity LocalResponseNormalization Normalization ReLU Rescaling".split()
)
"""Layers whose output at a place depends on the input at that place alone."""
