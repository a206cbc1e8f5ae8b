"""Settings of the EEG app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Recordings, how they are split by subject and how they are varied in training."""

    source: str = "uci-eeg"
    """"uci-eeg", "demo" (simulated EEG), a folder in the UCI layout, or a CSV of file,label,subject with EDF, BDF or FIF files."""
    seed: int = 0
    """Of the order in which a person's own subjects are dealt to the folds, of `limit` and of the simulation."""
    folds: int = 7
    """The subjects are dealt to so many groups; each group is the test set of one fold."""
    fold: str = "each"
    """"each": cross-validation over all folds; "1", "2", ...: that fold alone; "all": trained on everybody, nothing to test."""
    validation_subjects: int = 2
    """Whole subjects left out of the training to choose the best epoch by; 0: none, then pass --training.monitor loss."""
    limit: int | None = None
    """Train on at most so many trials."""
    time_shift: int = 6
    """Largest random shift in training, samples."""
    amplitude_scale: float = 0.2
    """Standard deviation of the logarithm of a random factor on a trial in training."""
    noise: float = 0.0
    """Standard deviation of white noise added in training, microvolts."""
    electrode_dropout: float = 0.1
    """Share of the electrodes silenced in a trial in training."""
    mixup: float = 0.2
    """Largest share of another trial mixed into a trial and its label in training."""
    class_weight: Literal["none", "balanced"] = field(default="none", metadata=LATER)
    """Weigh classes by the inverse of their frequency in the loss."""


@dataclass(frozen=True)
class FeaturesConfig:
    """From a recording to topographic frames."""

    frame_channels: Literal["amplitude", "band_power", "both"] = "both"
    """What a frame shows: mean amplitude of its window, logarithm of the power of each band, or both."""
    frames: int = 16
    """Frames of a recording, evenly spread from its beginning to its end."""
    amplitude_window: float = 0.0625
    """Seconds over which the amplitude is averaged."""
    band_power_window: float = 0.25
    """Seconds over which the power is averaged."""
    bands: tuple[tuple[float, float], ...] = ((4.0, 7.0), (8.0, 13.0), (13.0, 30.0))
    """Lowest and highest frequency of each band, hertz."""
    largest_deviation: float = 2.5
    """Standardised values are cut off beyond so many standard deviations (eye blinks, movements)."""
    image_size: int = 10
    """Pixels a side of a frame."""


@dataclass(frozen=True)
class CnnLstm:
    """Mixed LSTM / 1-D convolution over the frames' ConvNet outputs (Bashivan et al. 2016)."""

    filters: tuple[int, ...] = (16, 0, 32, 0)
    """Output channels of the 3x3 convolutions shared by all frames; 0 is a 2x2 max-pooling."""
    activation: str = "relu"
    """Of the convolutions, by Keras' name; "linear": spatial filters."""
    normalization: bool = True
    """Batch normalisation behind every convolution."""
    projection: int = 0
    """Width of a linear projection of a frame's features; 0: none."""
    lstm_units: int = 32
    """Units of the LSTM over the frames."""
    temporal_filters: int = 32
    """Output channels of the 1-D convolution over three neighbouring frames."""
    temporal_activation: str = "relu"
    """Of the 1-D convolution, by Keras' name."""
    dense_units: int = 0
    """Units of the fully connected layer before the answer; 0: none."""
    frame_dropout: float = 0.25
    """Share of a frame's features left out in training."""
    dropout: float = 0.5
    """Share of the units left out before each fully connected layer in training."""


@dataclass(frozen=True)
class MaxPool:
    """Maximum over the frames' ConvNet outputs (Bashivan et al. 2016)."""

    filters: tuple[int, ...] = (16, 0, 32, 0)
    """Output channels of the 3x3 convolutions shared by all frames; 0 is a 2x2 max-pooling."""
    dense_units: int = 0
    """Units of the fully connected layer before the answer; 0: none."""
    dropout: float = 0.5
    """Share of the units left out before each fully connected layer in training."""


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    model: CnnLstm | MaxPool = field(default_factory=CnnLstm)
    training: TrainingConfig = field(default_factory=TrainingConfig)
