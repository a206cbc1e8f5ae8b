"""Settings of the speech app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Recordings, their split and how they are varied."""

    source: str = "an4"
    """"an4", "librispeech" (whichever subsets are in $DATASETS_DIR/LibriSpeech), "demo" (synthetic digit strings), a CSV or JSONL manifest with
    path, text and, if known, speaker and split, or a folder of recordings, each beside a .txt of the same name."""
    seed: int = 0
    """Of the split of a manifest, of `limit`, and of the synthetic speech."""
    validation_speakers: tuple[str, ...] = (
        "flmm2", "fmjc", "fsaf2", "mblb", "mblw", "mcel", "mewl", "mmsh", "mscg2", "mtcv",
    )  # fmt: skip
    """AN4: the training speakers that validate and never train (drawn once by chance, women and men in proportion)."""
    validation_fraction: float = 0.1
    """Manifest without a split column: share of the speakers (utterances, where no speakers are given) that validates; as many test."""
    limit: int | None = None
    """Train on at most so many utterances."""
    speeds: tuple[float, ...] = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)
    """Speeds at which training utterances are played, drawn anew each time; 1.0 alone: as recorded."""
    units: Literal["characters", "phonemes"] = field(default="characters", metadata=LATER)
    """What the model writes; phonemes where a pronouncing dictionary gives those of each word: of AN4 and the demo."""
    unusable: Literal["skip", "fail"] = field(default="skip", metadata=LATER)
    """What happens to recordings that cannot be read or serve no training (too long, too short for the transcript, silent, clipped):
    they are left out, counted and named; or the first one ends the command."""
    longest_seconds: float = field(default=35.0, metadata=LATER)
    """Longer recordings neither train nor validate."""
    noise_share: float = field(default=0.0, metadata=LATER)
    """Share of the training utterances that get noise mixed in, drawn anew each time."""
    noise_snr: tuple[float, float] = field(default=(5.0, 30.0), metadata=LATER)
    """Range, in decibels, of the power of such an utterance over that of its noise."""
    noises: tuple[Literal["white", "pink", "babble"], ...] = field(default=("white", "pink", "babble"), metadata=LATER)
    """Kinds of noise; babble is 3 to 6 other training utterances at once."""
    reverberation_share: float = field(default=0.0, metadata=LATER)
    """Share of the training utterances that sound as in a room, drawn anew each time."""
    reverberation_seconds: tuple[float, float] = field(default=(0.1, 0.6), metadata=LATER)
    """Range of the time in which such a room's sound decays by 60 dB."""


@dataclass(frozen=True)
class FeaturesConfig:
    """Log-mel features, computed inside the model, and their augmentation."""

    bins: int = 80
    """Mel bands."""
    window_milliseconds: float = 25.0
    """Length of a Hann window."""
    hop_milliseconds: float = 10.0
    """Time from one window to the next."""
    lowest_hertz: float = 20.0
    """Lower edge of the first band; the last ends at 8 kHz."""
    frequency_masks: int = 2
    """SpecAugment: bands blotted out in each training utterance."""
    frequency_width: int = 20
    """SpecAugment: largest width of such a band, in bins."""
    time_masks: int = 2
    """SpecAugment: stretches blotted out in each training utterance."""
    time_width: int = 25
    """SpecAugment: largest length of such a stretch, in frames (and at most 15 % of the utterance)."""
    cepstra: int = field(default=0, metadata=LATER)
    """Mel-frequency cepstral coefficients (MFCC), as many, in place of the bands; 0: the bands themselves."""
    deltas: Literal[0, 1, 2] = field(default=0, metadata=LATER)
    """Derivatives over time beside the features: none, the first, or the first and the second."""
    normalization: Literal["utterance", "running"] = field(default="utterance", metadata=LATER)
    """Mean and variance taken from: the utterance itself; or the training data, less the utterance's mean so far (streaming)."""
    warp: float = field(default=0.0, metadata=LATER)
    """Vocal tract length perturbation: largest share by which each training utterance's frequencies are stretched or squeezed."""
    mix_share: float = field(default=0.0, metadata=LATER)
    """MixSpeech: share of the training utterances that another one of the batch is laid over; both texts are then learnt, by their shares."""
    stack_before: int = field(default=0, metadata=LATER)
    """Earlier frames joined to each frame."""
    stack_after: int = field(default=0, metadata=LATER)
    """Later frames joined to each frame."""
    stack_stride: int = field(default=1, metadata=LATER)
    """One of so many frames is kept."""


@dataclass(frozen=True)
class Blstm:
    """Deep bidirectional LSTM (Graves et al. 2013) behind convolutions that shorten time."""

    units: int = 192
    """Width of each direction of a layer."""
    layers: int = 3
    """Bidirectional layers."""
    filters: tuple[int, ...] = (32, 32)
    """Channels of the stages of convolutions; each stage halves frequency and, unless `time_strides` says otherwise, time."""
    convolutions: int = 1
    """Convolutions of a stage; the last of them has the stride."""
    projection: int = 256
    """Width of the projection between the convolutions and the LSTMs; 0: none."""
    dropout: float = 0.3
    """Share of the values left out before each bidirectional layer and before the last layer, in training."""
    time_strides: tuple[int, ...] = field(default=(), metadata=LATER)
    """Stride over time of each stage of convolutions; none: 2 of each. 1 keeps frames finer; over frequency it is always 2."""
    intermediate_loss: bool = field(default=False, metadata=LATER)
    """Train every layer below the last by CTC as well (Lee and Watanabe 2021)."""


@dataclass(frozen=True)
class Framewise(Blstm):
    """The same network trained twice: by CTC, then frame by frame on the former's alignment (Graves et al. 2006, figure 1)."""

    epochs_share: float = 0.4
    """Epochs of the framewise training, as a share of those by CTC."""


@dataclass(frozen=True)
class AttentionEncoderDecoder(Blstm):
    """P1's network as the encoder of a decoder with Bahdanau attention (Bahdanau et al. 2015; Chan et al. 2016)."""

    ctc_share: float = 0.3
    """Weight of the CTC loss of the encoder; the rest is the decoder's cross-entropy."""
    decoder_units: int = 256
    """Width of the decoder's LSTM."""
    embedding_width: int = 64
    """Width of a character's vector."""
    attention_units: int = 128
    """Hidden width of the attention."""


@dataclass(frozen=True)
class DeepSpeech2:
    """Convolutions, recurrent layers with batch normalisation between them, fully connected (Amodei et al. 2016)."""

    convolution: Literal["1d", "2d"] = "2d"
    """Over time alone, or over time and frequency."""
    filters: tuple[int, ...] = (32, 32)
    """Channels of each convolution."""
    kernel_frames: tuple[int, ...] = (11, 5)
    """Extent of each kernel over time, in frames of its input; odd."""
    kernel_bins: tuple[int, ...] = (11, 5)
    """Extent of each kernel over frequency, in bins of its input; odd; of no account in 1-D."""
    time_strides: tuple[int, ...] = (2, 2)
    """Stride of each convolution over time; over frequency it is always 2."""
    cell: Literal["lstm", "gru"] = "gru"
    """Kind of the recurrent layers."""
    bidirectional: bool = True
    """Whether the recurrent layers know the whole utterance, or only what came before."""
    units: int = 192
    """Width of each direction of a recurrent layer."""
    layers: int = 3
    """Recurrent layers."""
    future: int = 4
    """Frames that the row convolution looks ahead; of no account in bidirectional models."""
    connected: int = 256
    """Width of the fully connected layer before the last."""
    dropout: float = 0.3
    """Share of the values left out before each recurrent and connected layer, in training."""
    intermediate_loss: bool = field(default=False, metadata=LATER)
    """Train every recurrent layer below the last by CTC as well (Lee and Watanabe 2021)."""


@dataclass(frozen=True)
class ProjectedLstm:
    """Deep LSTM with recurrent projections on stacked, subsampled frames (Sak et al. 2014, 2015)."""

    units: int = 192
    """Width of the state of each direction."""
    projection: int = 96
    """Width of the output of each direction, which recurs."""
    layers: int = 5
    """Recurrent layers."""
    bidirectional: bool = True
    """Whether the layers know the whole utterance, or only what came before."""
    dropout: float = 0.3
    """Share of the values left out before each layer, in training."""
    intermediate_loss: bool = field(default=False, metadata=LATER)
    """Train every layer below the last by CTC as well (Lee and Watanabe 2021)."""


@dataclass(frozen=True)
class Tdnn:
    """Time-delay network: dilated convolutions over time (Waibel et al. 1989; Peddinti et al. 2015)."""

    filters: tuple[int, ...] = (384, 384, 384, 384, 384, 384, 512)
    """Channels of each convolution."""
    kernel_frames: tuple[int, ...] = (5, 3, 3, 3, 3, 3, 1)
    """Extent of each kernel, in frames of its input; odd."""
    strides: tuple[int, ...] = (2, 2, 1, 1, 1, 1, 1)
    """Stride of each convolution."""
    dilations: tuple[int, ...] = (1, 1, 1, 2, 3, 4, 1)
    """Frames from one row of each kernel to the next."""
    dropout: float = 0.3
    """Share of the values left out before each convolution but the first, in training."""


@dataclass(frozen=True)
class DecodingConfig:
    """From log-probabilities to text."""

    beam_width: int = 32
    """Prefixes that the beam search keeps after each frame."""
    language_model: Literal["word", "character"] = field(default="word", metadata=LATER)
    """Tokens of the n-gram language model that is trained on the transcripts."""
    ctc_share: float = field(default=0.0, metadata=LATER)
    """Weight of the encoder's CTC in what an attention decoder writes (Hori et al. 2017), 0 to 1; of no account in other models."""


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    model: Blstm | Framewise | AttentionEncoderDecoder | DeepSpeech2 | ProjectedLstm | Tdnn = field(
        default_factory=Blstm
    )
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
