"""The building blocks of a report: plain data that `harness.report` renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A matplotlib figure (closed after rendering)."""

    title: str
    caption: str
    figure: Any


@dataclass(frozen=True)
class Table:
    """Rows of plain values; strings are escaped."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Sound:
    """A playable mono waveform in [-1, 1]."""

    title: str
    caption: str
    waveform: Any
    sample_rate: int


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    title: str
    text: str
