"""Curves of how a model fares as its test examples get harder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes


def draw_curve(
    axes: Axes, title: str, unit: str, strengths: Sequence[float], shares: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Draws shares in percent against strengths, their intervals from `low` to `high` shaded."""
    axes.fill_between(strengths, 100 * low, 100 * high, color="#93c5fd", alpha=0.6, linewidth=0)
    axes.plot(strengths, 100 * shares, "o-", color="#2563eb", markersize=3.5, linewidth=1.6)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(color="#e5e7eb", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
