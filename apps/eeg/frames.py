"""From a raw recording to its topographic frames, as layers of the model: everything between the electrodes and the ConvNet."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from apps.eeg.config import FeaturesConfig
from shared_layers.scalp.average_reference import AverageReference
from shared_layers.scalp.band_power import BandPower
from shared_layers.scalp.logarithm import Logarithm
from shared_layers.scalp.scalp_image import ScalpImage
from shared_layers.scalp.window_means import WindowMeans

layers = keras.layers
POWER_FLOOR = 1e-3
"""Added to a band's power before the logarithm; relative to the variance of the training recordings."""
STATISTICS_TRIALS = 200
"""So many training trials are enough for the mean and deviation of the bands' power."""


def topographic_frames(signals: keras.KerasTensor, features: FeaturesConfig, spec: dict[str, Any]) -> keras.KerasTensor:
    """Returns pictures [batch, frames, size, size, channels] of recordings [batch, electrodes, samples] in volts.

    Average reference over the scalp's electrodes, division by the training recordings' deviation, mean amplitude or
    logarithmic band power (standardised) of every window, azimuthal equidistant projection, interpolation.
    """
    volts = AverageReference(spec["scalp"], name="average_reference")(signals)
    scaled = layers.Rescaling(1.0 / spec["deviation"], name="scale")(volts)
    channels = []
    if features.frame_channels in ("amplitude", "both"):
        amplitude = _windows(features, spec, features.amplitude_window, "amplitude")(scaled)
        channels.append(layers.Reshape((len(spec["scalp"]), 1, features.frames), name="one_channel")(amplitude))
    if features.frame_channels in ("band_power", "both"):
        power = _log_power(scaled, features, spec)
        standardize = layers.Normalization(
            axis=2, mean=spec["band_mean"], variance=np.square(spec["band_deviation"]).tolist(), name="standardize"
        )
        channels.append(standardize(power))
    values = layers.Concatenate(axis=2, name="channels")(channels) if len(channels) > 1 else channels[0]
    pictures = ScalpImage(spec["positions"], features.image_size, name="scalp_image")(
        layers.Permute((3, 2, 1), name="frames_first")(values)
    )
    return layers.Permute((1, 3, 4, 2), name="channels_last")(pictures)


def statistics(signals: np.ndarray, features: FeaturesConfig, spec: dict[str, Any]) -> dict[str, Any]:
    """Returns what `topographic_frames` divides by, learnt from training recordings [trials, electrodes, samples] in volts.

    Returns:
        "deviation": of the referenced recordings, volts; "band_mean" and "band_deviation": of the logarithmic power, a number a band.
    """
    kept = signals[:, spec["scalp"]]
    deviation = float((kept - kept.mean(axis=1, keepdims=True)).std())
    spread = np.linspace(0, len(signals) - 1, min(len(signals), STATISTICS_TRIALS)).astype(int)
    inputs = keras.Input(signals.shape[1:])
    scaled = layers.Rescaling(1.0 / deviation)(AverageReference(spec["scalp"])(inputs))
    logarithms = keras.Model(inputs, _log_power(scaled, features, spec)).predict(
        signals[spread], verbose=0, batch_size=50
    )
    return {
        "deviation": deviation,
        "band_mean": logarithms.mean(axis=(0, 1, 3), dtype=np.float64).tolist(),
        "band_deviation": logarithms.std(axis=(0, 1, 3), dtype=np.float64).tolist(),
    }


def _log_power(scaled: keras.KerasTensor, features: FeaturesConfig, spec: dict[str, Any]) -> keras.KerasTensor:
    power = BandPower(features.bands, spec["sample_rate"], name="band_power")(scaled)
    means = _windows(features, spec, features.band_power_window, "band_power_windows")(power)
    return Logarithm(POWER_FLOOR, name="log_power")(means)


def _windows(features: FeaturesConfig, spec: dict[str, Any], seconds: float, name: str) -> WindowMeans:
    length = min(spec["samples"], max(1, round(seconds * spec["sample_rate"])))
    return WindowMeans(features.frames, length, name=name)
