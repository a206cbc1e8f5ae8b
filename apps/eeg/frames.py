"""From a raw recording to its topographic frames, as layers of the model: everything between the electrodes and the ConvNet."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from apps.eeg.config import FeaturesConfig
from datasets.errors import DataError
from shared_layers.scalp.average_reference import AverageReference
from shared_layers.scalp.band_power import BandPower
from shared_layers.scalp.logarithm import Logarithm
from shared_layers.scalp.scalp_image import ScalpImage
from shared_layers.scalp.window_means import WindowMeans

layers = keras.layers
POWER_FLOOR = 1e-3
"""Added to a band's power before the logarithm; relative to the variance of the training recordings."""


def topographic_frames(signals: keras.KerasTensor, features: FeaturesConfig, spec: dict[str, Any]) -> keras.KerasTensor:
    """Returns pictures [batch, frames, size, size, channels] of recordings [batch, electrodes, samples] in volts.

    Average reference over the scalp's electrodes; mean amplitude or logarithmic band power of every window, standardised at
    every electrode, channel and frame by the training recordings and cut off beyond so many deviations, which tames eye blinks;
    azimuthal equidistant projection and interpolation.
    """
    values = layers.Normalization(
        axis=(1, 2, 3),
        mean=np.array(spec["mean"], np.float32),
        variance=np.square(np.array(spec["deviation"], np.float32)),
        dtype="float32",
        name="standardize",
    )(_values(signals, features, spec))
    values = keras.ops.clip(values, -features.largest_deviation, features.largest_deviation)
    pictures = ScalpImage(spec["positions"], features.image_size, name="scalp_image")(
        layers.Permute((3, 2, 1), name="frames_first")(values)
    )
    return layers.Permute((1, 3, 4, 2), name="channels_last")(pictures)


def statistics(signals: np.ndarray, features: FeaturesConfig, spec: dict[str, Any]) -> dict[str, Any]:
    """Returns what `topographic_frames` standardises by, learnt from training recordings [trials, electrodes, samples] in volts.

    Returns:
        "scale": deviation of the referenced recordings, volts; "mean" and "deviation": [scalp electrodes, channels, frames].
    """
    kept = signals[:, spec["scalp"]]
    scale = float((kept - kept.mean(axis=1, keepdims=True)).std())
    if scale == 0:
        raise DataError("the training recordings are silent: every electrode shows the same values")
    inputs = keras.Input(signals.shape[1:])
    values = keras.Model(inputs, _values(inputs, features, {**spec, "scale": scale})).predict(
        signals, verbose=0, batch_size=64
    )
    deviation = np.maximum(values.std(axis=0, dtype=np.float64), 1e-6)
    return {"scale": scale, "mean": _short(values.mean(axis=0, dtype=np.float64)), "deviation": _short(deviation)}


def _short(values: np.ndarray) -> list[Any]:
    return np.vectorize(lambda value: float(f"{value:.6g}"))(values).tolist()


def _values(signals: keras.KerasTensor, features: FeaturesConfig, spec: dict[str, Any]) -> keras.KerasTensor:
    """Returns what the frames show at the electrodes: [batch, scalp electrodes, channels, frames].

    In float32 under every policy: volts underflow in half precision.
    """
    volts = AverageReference(spec["scalp"], dtype="float32", name="average_reference")(signals)
    scaled = layers.Rescaling(1.0 / spec["scale"], dtype="float32", name="scale")(volts)
    channels = []
    if features.frame_channels in ("amplitude", "both"):
        amplitude = _windows(features, spec, features.amplitude_window, "amplitude")(scaled)
        channels.append(
            layers.Reshape((len(spec["scalp"]), 1, features.frames), dtype="float32", name="one_channel")(amplitude)
        )
    if features.frame_channels in ("band_power", "both"):
        power = BandPower(features.bands, spec["sample_rate"], name="band_power")(scaled)
        means = _windows(features, spec, features.band_power_window, "band_power_windows")(power)
        channels.append(Logarithm(POWER_FLOOR, name="log_power")(means))
    return layers.Concatenate(axis=2, dtype="float32", name="channels")(channels) if len(channels) > 1 else channels[0]


def _windows(features: FeaturesConfig, spec: dict[str, Any], seconds: float, name: str) -> WindowMeans:
    length = min(spec["samples"], max(1, round(seconds * spec["sample_rate"])))
    return WindowMeans(features.frames, length, dtype="float32", name=name)
