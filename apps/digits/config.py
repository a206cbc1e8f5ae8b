"""Settings of the digits app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Pictures and how they are split and varied."""

    source: str = "mnist"
    """"mnist", "demo" (the UCI digits that scikit-learn carries), or a folder with one subfolder of pictures a class."""
    seed: int = 0
    """Of the split into training and validation examples."""
    validation_fraction: float = 0.1
    """Share of the training examples, of every class alike, that chooses the best epoch."""
    limit: int | None = None
    """Train on at most so many examples."""
    class_weight: Literal["none", "balanced"] = "none"
    """Weigh classes by the inverse of their frequency in the loss."""
    shift: float = 0.0
    """Largest random shift in training, pixels of 28."""
    rotation: float = 0.0
    """Largest random rotation in training, degrees."""
    scale: float = 0.0
    """Largest random change of size in training, as a fraction."""


@dataclass(frozen=True)
class LeNet5:
    """LeNet-5 (LeCun et al. 1998): CONV-POOL-CONV-POOL-FC-FC-FC."""

    form: Literal["paper", "max_pool"] = "max_pool"
    """"paper": trainable sub-sampling and scaled tanh; "max_pool": max-pooling and ReLU."""
    dropout: float = 0.0
    """Share of the units left out before each fully connected layer in training."""


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: LeNet5 = field(default_factory=LeNet5)
    training: TrainingConfig = field(default_factory=TrainingConfig)
