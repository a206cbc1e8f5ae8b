"""Settings of the cifar10 app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Pictures and how they are split and varied."""

    source: str = "cifar10"
    """"cifar10", "demo" (synthetic textured shapes), a folder with one subfolder of pictures a class, or a CSV file (path, label)."""
    size: int = 32
    """Side of the network's pictures in pixels; a person's pictures are cropped to a square and resized to it."""
    seed: int = 0
    """Of the split into training and validation examples."""
    validation_fraction: float = 0.05
    """Share of the training examples, of every class alike, that chooses settings and the best epoch."""
    limit: int | None = None
    """Train on at most so many examples."""
    class_weight: Literal["none", "balanced"] = "none"
    """Weigh classes by the inverse of their frequency in the loss."""
    flip: bool = True
    """Mirror pictures left to right at random in training."""
    shift: int = 2
    """Largest random shift in training, pixels; the edge is filled by reflection."""
    cutout: int = 0
    """Side of a random square set to the mean colour in training, pixels; 0: none."""
    alternating_flip: bool = field(default=False, metadata=LATER)
    """Mirror half of the pictures in the first pass, the other half in the second, and so on, instead of at random."""


@dataclass(frozen=True)
class Classifier:
    """What every network of the app has."""

    label_smoothing: float = 0.0
    """Share of the target probability spread evenly over all classes."""
    average_flips: bool = True
    """Answer with the mean probabilities of a picture and its mirror image."""
    average_shifts: bool = field(default=False, metadata=LATER)
    """Give half of the answer's weight to the picture moved by a pixel, up to the left and down to the right."""

    @property
    def smallest(self) -> int:
        """Side in pixels of the smallest picture that is not halved to nothing."""
        return 1


@dataclass(frozen=True)
class ResidualNetwork(Classifier):
    """Residual network: groups of a convolution with 2x2 max-pooling and residual blocks with identity shortcuts."""

    block: Literal["basic", "bottleneck"] = "basic"
    """"basic": two 3x3 convolutions; "bottleneck": 1x1, 3x3 and 1x1."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of each group; each group halves height and width."""
    blocks: int = 1
    """Residual blocks in each group."""
    activation: str = "gelu"
    """Activation, by Keras' name."""
    momentum: float = 0.8
    """Of the batch normalisations' moving statistics."""
    label_smoothing: float = 0.2
    """Share of the target probability spread evenly over all classes."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths)


@dataclass(frozen=True)
class SpeedrunNetwork(Classifier):
    """Whitening 2x2 convolution, then groups of two 3x3 convolutions that start as partial identities (Jordan 2024)."""

    widths: tuple[int, ...] = (64, 256, 256)
    """Channels of each group; each group halves height and width."""
    momentum: float = 0.6
    """Of the batch normalisations' moving statistics."""
    label_smoothing: float = 0.2
    """Share of the target probability spread evenly over all classes."""
    average_shifts: bool = field(default=True, metadata=LATER)
    """Give half of the answer's weight to the picture moved by a pixel, up to the left and down to the right."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths) + 1


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ResidualNetwork | SpeedrunNetwork = field(default_factory=ResidualNetwork)
    training: TrainingConfig = field(default_factory=TrainingConfig)
