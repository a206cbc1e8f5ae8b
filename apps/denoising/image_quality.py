"""How close a cleaned picture is to the clean one: MSE, PSNR and SSIM of every picture."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

SMALLEST_SIDE = 11
"""Pixels; the window of SSIM."""


def psnr_db(clean, cleaned):
    """Returns the peak signal-to-noise ratio of each picture in dB [n], for full brightness 1 and clipped answers.

    Args:
        clean, cleaned: float [n, height, width, channels]; `cleaned` may leave 0..1.
    """
    error = ops.mean(ops.square(ops.clip(ops.cast(cleaned, "float32"), 0.0, 1.0) - clean), axis=(1, 2, 3))
    return -10.0 * ops.log10(ops.maximum(error, 1e-10))


def qualities(clean: np.ndarray, cleaned: np.ndarray) -> dict[str, np.ndarray]:
    """Returns `psnr_db`, `ssim` and `mse` of each picture, float64 [n].

    SSIM (Wang et al. 2004): Gaussian window of 11 pixels with standard deviation 1.5, mean over the colours.

    Args:
        clean, cleaned: float [n, height, width, channels]; `cleaned` is clipped to 0..1.
    """
    cleaned = np.clip(cleaned, 0.0, 1.0)
    mse = np.square(cleaned.astype(np.float64) - clean).mean(axis=(1, 2, 3))
    ssim = np.concatenate(
        [
            tf.image.ssim(clean[i : i + 256].astype(np.float32), cleaned[i : i + 256].astype(np.float32), 1.0).numpy()
            for i in range(0, len(clean), 256)
        ]
    )
    return {"psnr_db": -10.0 * np.log10(np.maximum(mse, 1e-10)), "ssim": ssim.astype(np.float64), "mse": mse}


def psnr_metric() -> keras.metrics.Metric:
    """Returns the mean of `psnr_db` over pictures, for history.csv."""
    return keras.metrics.MeanMetricWrapper(psnr_db, name="psnr_db")
