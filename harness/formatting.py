"""How numbers and metric names read for a person, the same in reports, README tables and model cards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NAMES = {
    "accuracy": "Accuracy",
    "error_rate": "Error rate",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "mean_average_precision": "Mean average precision (mAP)",
    "hamming_loss": "Hamming loss",
    "roc_auc": "Area under the ROC curve (AUC)",
    "expected_calibration_error": "Expected calibration error",
    "negative_log_likelihood": "Negative log-likelihood",
    "sentence_accuracy": "Sentence accuracy",
    "wer": "Word error rate (WER)",
    "cer": "Character error rate (CER)",
    "phoneme_error_rate": "Phoneme error rate",
    "bleu1": "BLEU-1",
    "bleu2": "BLEU-2",
    "bleu3": "BLEU-3",
    "bleu4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider_d": "CIDEr-D",
    "mse": "Mean squared error (MSE)",
    "psnr_db": "PSNR",
    "ssim": "SSIM",
    "latency_ms": "Latency",
    "real_time_factor": "Real-time factor",
}
"""Metric -> its name in the field; any other name is spelt out from its key."""

SCORES = {"bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider_d", "ssim", "macro_f1", "micro_f1", "roc_auc",
          "mean_average_precision", "real_time_factor"}  # fmt: skip
"""Shown as plain numbers without a unit or percentage, as the literature does."""

LOWER = {
    "error_rate", "phoneme_error_rate", "hamming_loss", "expected_calibration_error", "negative_log_likelihood", "wer", "cer",
    "mse", "latency_ms", "squared_error_per_image", "real_time_factor",
}  # fmt: skip
HIGHER = ({"accuracy", "balanced_accuracy", "sentence_accuracy", "psnr_db"} | SCORES) - LOWER


def metric_name(key: str) -> str:
    """Returns the name of a metric for a person, e.g. "Word error rate (WER)"; also of "wer_with_language_model"."""
    if key in NAMES:
        return NAMES[key]
    for stem, name in NAMES.items():
        if key.startswith(stem + "_"):
            return f"{name}, {key[len(stem) + 1 :].replace('_', ' ')}"
    return key.replace("_", " ").capitalize()


def direction(key: str) -> str:
    """Returns "lower is better", "higher is better", or "" for a metric that has no better side."""
    if any(key == name or key.startswith(name + "_") for name in LOWER):
        return "lower is better"
    return "higher is better" if any(key == name or key.startswith(name + "_") for name in HIGHER) else ""


def metric_value(key: str, value: float, unit: str) -> str:
    """Returns a metric's value with its unit: fractions as percentages, scores and others with a sensible precision."""
    if _is_score(key):
        return f"{value:.3f}"
    if unit == "fraction":
        return f"{100 * value:.2f} %"
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return f"{number(value)} {unit}".rstrip()


def metric_interval(key: str, interval: Any, unit: str) -> str:
    """Returns "low – high" with the unit once, or "" without an interval."""
    if interval is None:
        return ""
    low, high = (metric_value(key, bound, unit) for bound in interval)
    suffix = " %" if high.endswith(" %") else f" {unit}" if unit and high.endswith(f" {unit}") else ""
    return f"{low.removesuffix(suffix)} – {high}"


def metric_text(key: str, metric: Mapping[str, Any]) -> str:
    """Returns "value (low – high)" of one entry of metrics.json."""
    value = metric_value(key, metric["value"], metric["unit"])
    interval = metric_interval(key, metric.get("interval95"), metric["unit"])
    return f"{value} ({interval})" if interval else value


def number(value: float) -> str:
    """Returns a number with about four significant digits, no exponent where it can be avoided."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if size >= 1e-3 or size == 0 else f"{value:.2e}"


def minutes_on(value: float | None, gpu: str | None) -> str:
    """Returns a duration given in minutes and the GPU that took it, if one did: "6.1 min", "1.5 min on NVIDIA H200"."""
    text = minutes(value)
    return f"{text} on {gpu}" if text and gpu else text


def minutes(value: float | None) -> str:
    """Returns a duration given in minutes: "38 s", "6.1 min", "1 h 12 min"."""
    if value is None:
        return ""
    if value < 1:
        return f"{60 * value:.0f} s"
    if value < 60:
        return f"{value:.1f} min"
    hours, rest = divmod(round(value), 60)
    return f"{hours} h {rest} min"


def _is_score(key: str) -> bool:
    return any(key == score or key.startswith(score + "_") for score in SCORES)
