"""Where the electrodes of the international 10-05 system stand on a head."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import mne
import numpy as np

MONTAGES = ("colin27_1005", "standard_1005")
"""The same template under its new and its old name in MNE."""


@functools.cache
def known_positions() -> dict[str, tuple[float, float, float]]:
    """Returns the position of every named site, the name in capitals: x to the right ear, y to the nose, z up, metres.

    The origin is the centre of the sphere that fits the template's electrodes best.
    """
    name = next(name for name in MONTAGES if name in mne.channels.get_builtin_montages())
    places = mne.channels.make_standard_montage(name).get_positions()["ch_pos"]
    points = np.array(list(places.values()))
    # |p - c|^2 = r^2 is linear in c and r^2 - |c|^2.
    system = np.hstack([2 * points, np.ones((len(points), 1))])
    centre = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0][:3]
    return {name.upper(): tuple((point - centre).tolist()) for name, point in places.items()}


def plain_name(name: str) -> str:
    """Returns an electrode's name in capitals without what recorders put around it: "EEG Fp1-REF", "Fc5." -> "FP1", "FC5"."""
    name = name.strip().upper().removeprefix("EEG").strip(" .")
    for reference in ("-REF", "-LE", "-AVG", "-AV", "-A1A2", "-M1M2"):
        name = name.removesuffix(reference)
    return name.strip(" .")


def on_the_scalp(names: Sequence[str]) -> list[int]:
    """Returns the places of the names that are sites of the 10-05 system."""
    known = known_positions()
    return [place for place, name in enumerate(names) if plain_name(name) in known]


def positions(names: Sequence[str]) -> list[list[float]]:
    """Returns [electrodes, 3]; see `known_positions`.

    Raises:
        KeyError: a name that is no site of the 10-05 system.
    """
    known = known_positions()
    return [list(known[plain_name(name)]) for name in names]
