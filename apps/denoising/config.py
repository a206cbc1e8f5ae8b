"""Settings of the denoising app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.settings import TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Clean pictures, and the noise that is added to them."""

    source: str = "cifar10"
    """"cifar10", "demo" (the UCI digits that scikit-learn carries), or any folder of pictures of any size."""
    seed: int = 0
    """Of the split into training, validation and test pictures, and of the noise on the last two."""
    validation_fraction: float = 0.05
    """Share of the training pictures that chooses the best epoch."""
    limit: int | None = None
    """Train on at most so many pictures."""
    sigma: float = 25.0
    """Standard deviation of the Gaussian noise, in units of 1/255 of the full brightness."""
    crop: int = 64
    """Side in pixels of the squares that are cut from a folder's pictures for training."""
    grey: bool = False
    """Read a folder's pictures in grey instead of colour."""


@dataclass(frozen=True)
class ConvolutionalAutoencoder:
    """Strided convolutions down, transposed convolutions up; fully convolutional, so pictures of any size fit."""

    widths: tuple[int, ...] = (24, 48, 96)
    """Channels at full size, half size, quarter size and so on; one strided convolution between each two."""
    blocks: int = 1
    """Residual blocks of two convolutions at every size, on the way down and on the way up."""
    skip_connections: bool = True
    """Add each size's features to the way up, and let the network predict the noise rather than the picture."""


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ConvolutionalAutoencoder = field(default_factory=ConvolutionalAutoencoder)
    training: TrainingConfig = field(default_factory=TrainingConfig)
