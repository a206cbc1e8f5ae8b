"""Settings of the captioning app."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Which pictures and captions."""

    source: str = "flickr8k"
    """`flickr8k`, `demo` (synthetic scenes), or a folder with pictures and a captions.csv (columns file, caption)."""
    seed: int = 1
    """Of the split and of the synthetic scenes."""
    limit: int | None = None
    """Use at most so many training pictures."""
    held_out: int = 300
    """Training pictures that validate and never train; the official dev list stays for the final figure."""
    least_count: int = 5
    """Times a word must occur in the training captions to enter the vocabulary."""
    longest_caption: int = 20
    """Words; longer training captions are cut, and no longer caption is generated."""
    mirror: bool = True
    """Train on mirror images as well; wrong where captions say left and right."""


@dataclass(frozen=True)
class AttentionDecoderConfig:
    """N2: LSTM that attends to the cells of a picture anew for every word (Xu et al. 2015)."""

    units: int = 384
    """Width of the LSTM."""
    embedding_width: int = 256
    """Width of a word's vector; the output layer is tied to it."""
    attention_units: int = 256
    """Hidden width of the additive attention."""
    dropout: float = 0.4
    """Of projected cells, word vectors and deep output layer."""
    coverage_penalty: float = 0.0
    """Weight of the doubly stochastic penalty on the attention maps."""
    label_smoothing: float = 0.1
    """Share of the target that goes evenly to all words."""


@dataclass(frozen=True)
class MobileNetAttention(AttentionDecoderConfig):
    """Attention decoder on a frozen MobileNetV2; its features are computed once and cached."""

    encoder_weights: str = "imagenet"
    """`imagenet` (published weights, downloaded by keras.applications) or the path of an .h5 file, also below the data folder."""
    encoder_alpha: float = 1.0
    """Width multiplier the weights belong to."""
    picture_size: int = 224
    """Height and width in pixels that pictures are squeezed to."""


@dataclass(frozen=True)
class ConvNetAttention(AttentionDecoderConfig):
    """Attention decoder and a small ConvNet, trained together."""

    widths: tuple[int, ...] = (32, 64, 96)
    """Channels of the convolutions; each halves height and width."""
    picture_size: int = 64
    """Height and width in pixels that pictures are squeezed to."""


@dataclass(frozen=True)
class DecodingConfig:
    """How captions are generated."""

    beam_width: int = 3
    """Hypotheses that are kept."""
    length_power: float = 0.7
    """Finished captions are ranked by log-probability / words ** length_power."""


@dataclass(frozen=True)
class SelfCriticalConfig:
    """Second phase of training: captions the model draws are rewarded by their CIDEr-D (Rennie et al. 2017)."""

    passes: int = field(default=0, metadata=LATER)
    """Passes over the training pictures; 0 leaves the phase out."""
    samples: int = field(default=5, metadata=LATER)
    """Captions drawn for each picture; each is compared with the mean of the others."""
    batch_size: int = field(default=48, metadata=LATER)
    """Pictures per step."""
    learning_rate: float = field(default=1e-4, metadata=LATER)
    """Peak learning rate; it falls by the schedule of the training before."""
    ema_momentum: float | None = field(default=None, metadata=LATER)
    """Momentum of the moving average of the weights in this phase; unset: training.ema_momentum."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    data: DataConfig = field(default_factory=DataConfig)
    model: MobileNetAttention | ConvNetAttention = field(default_factory=MobileNetAttention)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
