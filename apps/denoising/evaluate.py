"""Predictions of the denoising app and their metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from apps.denoising.config import Config
from apps.denoising.data import Files, Fixed, Stack, fixed_pictures, noisy_picture
from apps.denoising.filters import bm3d_wanted, cleaned_by_filters
from apps.denoising.image_quality import qualities
from apps.denoising.tiles import clean_picture
from harness.app import Metric, Predictions, Prepared
from harness.statistics import bootstrap

LEVELS = (5, 10, 15, 20, 25, 30, 40, 50)
"""Standard deviations of the noise in the curve over noise levels, units of 1/255."""
SHOWN = 8
"""Best pictures, and worst ones, that are kept for the report."""
UNITS = {"psnr_db": "dB", "ssim": "fraction", "mse": "1"}


def predict(config: Config, spec: dict[str, Any], model: Any, split: Stack | Files) -> Predictions:
    """Cleans the test pictures.

    Returns:
        psnr_db, ssim, mse and noisy_psnr_db [n] of every picture; fixed_index [k] and fixed_psnr_db, fixed_ssim,
        fixed_mse [k] of those that stand beside the filters; levels [l], level_psnr_db and level_noisy_psnr_db [k, l] of
        these at other noise levels; shown_index [m] (into the k) with shown_clean, shown_noisy, shown_cleaned
        uint8 [m, height, width, channels], best first.
    """
    sigma, seed = spec["sigma"], config.data.seed
    measured = _every_picture(model, split, sigma, seed)
    fixed = fixed_pictures(split, seed)
    cleaned = _cleaned(model, fixed.noisy(sigma))
    beside = qualities(fixed.clean / np.float32(255.0), cleaned)
    order = np.argsort(-beside["psnr_db"])
    shown = order if len(order) <= 2 * SHOWN else np.concatenate([order[:SHOWN], order[-SHOWN:]])
    return {
        **measured,
        "fixed_index": fixed.indices,
        **{f"fixed_{name}": values for name, values in beside.items()},
        **_levels(model, fixed),
        "shown_index": shown,
        "shown_clean": fixed.clean[shown],
        "shown_noisy": _bytes(fixed.noisy(sigma)[shown]),
        "shown_cleaned": _bytes(cleaned[shown]),
    }


def _every_picture(model: Any, split: Stack | Files, sigma: float, seed: int) -> Predictions:
    """Measures a thousand pictures of one size at a time, or files one by one."""
    parts: list[dict[str, np.ndarray]] = []
    at_once = 1000 if isinstance(split, Stack) else 1
    for start in range(0, len(split), at_once):
        indices = range(start, min(start + at_once, len(split)))
        pictures = [split.picture(i) for i in indices]
        noisy = np.stack([noisy_picture(p, i, sigma, seed) for p, i in zip(pictures, indices, strict=True)])
        clean = np.stack(pictures) / np.float32(255.0)
        measured = qualities(clean, _cleaned(model, noisy))
        parts.append({**measured, "noisy_psnr_db": qualities(clean, noisy)["psnr_db"]})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _cleaned(model: Any, noisy: np.ndarray) -> np.ndarray:
    """Returns pictures of one size cleaned and clipped, float32 [n, height, width, channels]."""
    if max(noisy.shape[1:3]) > 256:
        return np.stack([clean_picture(model, tf.constant(picture)).numpy() for picture in noisy])
    return np.clip(model.predict(noisy, batch_size=128, verbose=0), 0.0, 1.0)


def _levels(model: Any, fixed: Fixed) -> Predictions:
    clean = fixed.clean / np.float32(255.0)
    cleaned = [qualities(clean, _cleaned(model, fixed.noisy(level)))["psnr_db"] for level in LEVELS]
    noisy = [qualities(clean, fixed.noisy(level))["psnr_db"] for level in LEVELS]
    return {
        "levels": np.array(LEVELS, np.float64),
        "level_psnr_db": np.stack(cleaned, axis=1),
        "level_noisy_psnr_db": np.stack(noisy, axis=1),
    }


def _bytes(pictures: np.ndarray) -> np.ndarray:
    return np.round(255.0 * np.clip(pictures, 0.0, 1.0)).astype(np.uint8)


def baselines(config: Config, prepared: Prepared) -> dict[str, Predictions]:
    """Returns what the noisy input, the filters of scikit-image and BM3D (where installed) reach on the fixed pictures."""
    fixed = fixed_pictures(prepared.splits["test"], config.data.seed)
    sigma = prepared.spec["sigma"]
    with_bm3d = bm3d_wanted(config.data.source)
    answers = cleaned_by_filters(fixed.clean, fixed.noisy(sigma), sigma / 255.0, with_bm3d)
    clean = fixed.clean / np.float32(255.0)
    return {
        name: {f"fixed_{key}": values for key, values in qualities(clean, cleaned).items()}
        for name, cleaned in answers.items()
    }


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns PSNR, SSIM and MSE: means over pictures with bootstrap intervals.

    `psnr_db`, `ssim` and `mse` are over the whole test set, those with `_200` over the fixed pictures of the comparison,
    `psnr_db_sigma_5` and so on over the fixed pictures at that noise level.
    """
    metrics = {}
    for name, unit in UNITS.items():
        if name in predictions:
            metrics[name] = _mean(predictions[name], unit)
        metrics[f"{name}_200"] = _mean(predictions[f"fixed_{name}"], unit)
    for column, level in enumerate(predictions.get("levels", ())):
        metrics[f"psnr_db_sigma_{level:g}"] = _mean(predictions["level_psnr_db"][:, column], "dB")
    return metrics


def _mean(values: np.ndarray, unit: str) -> Metric:
    return Metric(float(np.mean(values)), unit, len(values), bootstrap(values))
