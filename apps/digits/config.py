"""Settings of the digits app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Pictures and how they are split and varied."""

    source: str = "mnist"
    """"mnist", "demo" (the UCI digits that scikit-learn carries), a folder with one subfolder of pictures a class, or a CSV file
    of path and label, or of path and labels where a picture has several ("3 7")."""
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
    plain_share: float = field(default=0.0, metadata=LATER)
    """Share of the training pictures that are left as they are, drawn anew each time; with batch normalisation some
    should be, since its means and variances must hold for plain pictures too."""
    augment_on: Literal["pipeline", "device"] = field(default="pipeline", metadata=LATER)
    """Where training pictures are varied: by the CPU in the input pipeline, or in the training step on the device that trains.
    Both vary a picture alike."""


@dataclass(frozen=True)
class ElasticDataConfig(DataConfig):
    """The same, bent besides (Simard, Steinkraus and Platt 2003)."""

    elastic: float = 1.0
    """Standard deviation of the random displacement of a pixel in training, pixels of 28; 0: none."""
    smoothness: float = 4.0
    """Standard deviation of the window that makes neighbouring pixels move alike, pixels of 28."""


@dataclass(frozen=True)
class LeNet5:
    """LeNet-5 (LeCun et al. 1998): CONV-POOL-CONV-POOL-FC-FC-FC."""

    form: Literal["paper", "max_pool"] = "max_pool"
    """"paper": trainable sub-sampling and scaled tanh; "max_pool": max-pooling and ReLU."""
    dropout: float = 0.0
    """Share of the units left out before each fully connected layer in training."""


@dataclass(frozen=True)
class LectureCNN:
    """Conv64 3x3, max-pooling, batch normalisation, Conv128 3x3, global average, batch normalisation, Dense512, classifier."""


@dataclass(frozen=True)
class Linear:
    """A linear classifier of the pixels (LeCun et al. 1998, figure 9)."""


@dataclass(frozen=True)
class MLP:
    """Fully connected hidden layers of one width with any activation, initialiser and loss."""

    layers: int = 4
    """Hidden layers."""
    units: int = 1000
    """Units of each hidden layer."""
    activation: str = "relu"
    """By Keras' name (relu, tanh, softplus, sigmoid, ...), or Maxout, APL, RReLU, VReLU, Absolute, NoisyReLU, CentredSoftplus."""
    initializer: str = "glorot_uniform"
    """Of the weights: by Keras' name, or NaiveGaussian."""
    stddev: float = 0.01
    """Standard deviation of NaiveGaussian's weights."""
    loss: Literal["cross_entropy", "mean_squared_error"] = "cross_entropy"
    """Between the softmax of the last layer and the true class."""
    dropout: float = 0.0
    """Share of a hidden layer's outputs left out in training."""
    input_dropout: float = 0.0
    """Share of the pixels left out in training."""


@dataclass(frozen=True)
class MaxoutMLP:
    """Maxout layers with dropout and bounded weights (Goodfellow et al. 2013, section 5.1)."""

    layers: int = 2
    """Hidden layers."""
    units: int = 240
    """Units of each hidden layer."""
    pieces: int = 5
    """Linear pieces of a unit."""
    dropout: float = 0.5
    """Share of a hidden layer's outputs left out in training."""
    input_dropout: float = 0.2
    """Share of the pixels left out in training."""
    max_norm: float = 1.9365
    """Largest norm of the weights that lead into one piece."""
    batch_normalization: bool = field(default=False, metadata=LATER)
    """Whether a layer's linear pieces are normalised over the batch before the largest is taken."""
    noise: float = field(default=0.0, metadata=LATER)
    """Standard deviation of the normal noise that training adds to the pixels and to the pieces."""


@dataclass(frozen=True)
class ConvNet:
    """The suite's own: groups of 3x3 convolutions with batch normalisation, 2x2 max-pooling in each, a global average."""

    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of each group."""
    convolutions: int = 2
    """In each group."""
    pool_after: int = field(default=1, metadata=LATER)
    """Number of the convolution in each group that is followed by pooling: the first makes the rest cheap, the last sees most."""
    dropout: float = 0.0
    """Share of the averaged features left out in training."""
    label_smoothing: float = 0.0
    """Share of the target probability spread evenly over all classes."""
    average_shifts: bool = field(default=False, metadata=LATER)
    """Whether an answer is the mean over the picture and the same moved by one pixel up and to the left."""


@dataclass(frozen=True)
class Siamese:
    """Tells whether two pictures show the same class, also one that it never saw (Hadsell, Chopra and LeCun 2006).

    `predict first.png second.png` answers same or different; with more files the first is compared with each of the others.
    """

    left_out: tuple[str, ...] = ("7", "8", "9")
    """Classes whose pictures are kept from training and validation, to be told apart by a few examples in the test."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of the encoder's convolutions, each followed by 2x2 max-pooling."""
    dimensions: int = 16
    """Of the embedding."""
    margin: float = 1.0
    """Distance up to which pairs of different classes are pushed apart."""


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: ElasticDataConfig | DataConfig = field(default_factory=DataConfig)
    model: LeNet5 | LectureCNN | Linear | MLP | MaxoutMLP | ConvNet | Siamese = field(default_factory=LeNet5)
    training: TrainingConfig = field(default_factory=TrainingConfig)
