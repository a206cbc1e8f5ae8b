"""What every acoustic model begins with: the waveform's features, normalised, mixed and blotted out in training, stacked."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from apps.speech.config import FeaturesConfig
from datasets.errors import DataError
from shared_layers.audio.cepstra import Cepstra
from shared_layers.audio.deltas import Deltas
from shared_layers.audio.log_mel import LogMel
from shared_layers.audio.mix_speech import MixSpeech
from shared_layers.audio.spec_augment import SpecAugment
from shared_layers.audio.stack_frames import StackFrames
from shared_layers.audio.warp_frequencies import WarpFrequencies
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization
from shared_layers.masking.standardize_frames import StandardizeFrames
from shared_layers.masking.subtract_running_mean import SubtractRunningMean

SAMPLE_RATE = 16000


class FrontEnd(NamedTuple):
    """The beginning of a functional model."""

    inputs: dict[str, Any]
    """waveforms float32 [n, samples] and lengths int32 [n]."""
    features: Any
    """[n, frames, values], zeros in padded frames."""
    frames: Any
    """int32 [n]."""
    outputs: dict[str, Any]
    """What the CTC loss needs beside the logits: "own_share" [n] where utterances are mixed; else empty."""


def window_and_hop(features: FeaturesConfig) -> tuple[int, int]:
    """Returns the length of a window and of a hop in samples."""
    return tuple(round(ms * SAMPLE_RATE / 1000) for ms in (features.window_milliseconds, features.hop_milliseconds))


def frames(features: FeaturesConfig, samples: int) -> int:
    """Returns the number of feature frames of so many samples."""
    window, hop = window_and_hop(features)
    return -(-max(0, 1 + (samples - window) // hop) // features.stack_stride)


def build(features: FeaturesConfig) -> FrontEnd:
    """Returns inputs and features of a functional model.

    SpecAugment leaves the bands alone where they are cepstra, whose neighbourhood means nothing.

    Raises:
        DataError: frequencies that would be warped by 100 % or more.
    """
    if features.warp >= 1.0:
        raise DataError(f"--features.warp {features.warp:g}: expected less than 1; 0.1 is usual")
    waveforms = keras.Input((None,), name="waveforms", dtype="float32")
    lengths = keras.Input((), name="lengths", dtype="int32")
    window, hop = window_and_hop(features)
    x, count = LogMel(
        SAMPLE_RATE, features.bins, window, hop, lowest_hertz=features.lowest_hertz, name="log_mel"
    )(waveforms, lengths)  # fmt: skip
    if features.warp:
        x = WarpFrequencies(
            features.warp, SAMPLE_RATE, lowest_hertz=features.lowest_hertz, name="warp_frequencies"
        )(x)  # fmt: skip
    if features.cepstra:
        x = Cepstra(features.cepstra, name="cepstra")(x)
    if features.deltas:
        x = Deltas(features.deltas, name="deltas")(x, count)
    if features.normalization == "running":
        x = FrameBatchNormalization(affine=False, name="standardize")(x, count)
        x = SubtractRunningMean(name="running_mean")(x, count)
    else:
        x = StandardizeFrames(name="standardize")(x, count)
    outputs = {}
    if features.mix_share:
        x, count, outputs["own_share"] = MixSpeech(features.mix_share, name="mix_speech")(x, count)
    bands = 0 if features.cepstra else features.frequency_masks
    x = SpecAugment(
        bands, features.frequency_width, features.time_masks, features.time_width, name="spec_augment"
    )(x, count)  # fmt: skip
    if features.stack_before or features.stack_after or features.stack_stride > 1:
        x, count = StackFrames(features.stack_before, features.stack_after, features.stack_stride, name="stack")(
            x, count
        )
    return FrontEnd({"waveforms": waveforms, "lengths": lengths}, x, count, outputs)


def pictures(features: FeaturesConfig, x: Any) -> Any:
    """Returns features [n, frames, values] as pictures [n, frames, bins, channels]: derivatives and neighbours are channels."""
    bins = features.cepstra or features.bins
    channels = x.shape[-1] // bins
    if channels == 1:
        return keras.layers.Reshape((-1, bins, 1), name="one_channel")(x)
    x = keras.layers.Reshape((-1, channels, bins), name="channels_apart")(x)
    return keras.layers.Permute((1, 3, 2), name="channels_last")(x)
