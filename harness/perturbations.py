"""What makes a test picture harder, at stated strengths. NumPy and SciPy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

Perturb = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""(pictures uint8 [n, height, width] or [n, height, width, channels], strength, generator) -> pictures of the same form; strength
0 changes nothing. What comes in from outside is the nearest pixel at the edge."""


@dataclass(frozen=True)
class Perturbation:
    """One way to make pictures harder."""

    apply: Perturb
    unit: str
    """Of the strength, for an axis."""


def noise(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise whose standard deviation is `strength` times the range of values."""
    return _rounded(images + 255 * strength * generator.standard_normal(images.shape))


def blur(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Convolves with a Gaussian of standard deviation `strength` pixels."""
    return _rounded(scipy.ndimage.gaussian_filter(images.astype(np.float32), strength, axes=(1, 2), mode="nearest"))


def rotate(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Turns every picture by `strength` degrees, one way or the other by chance."""
    ways = [
        scipy.ndimage.rotate(images.astype(np.float32), angle, axes=(1, 2), reshape=False, order=1, mode="nearest")
        for angle in (strength, -strength)
    ]
    return _rounded(np.where(generator.integers(0, 2, (len(images), *[1] * (images.ndim - 1))), *ways))


def shift(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Moves every picture by `strength` whole pixels up, down, left or right by chance; what leaves the picture is lost."""
    reach = int(strength)
    wide = np.pad(images, [(0, 0), (reach, reach), (reach, reach)] + [(0, 0)] * (images.ndim - 3), "edge")
    height, width = images.shape[1:3]
    corners = [(0, reach), (2 * reach, reach), (reach, 0), (reach, 2 * reach)]
    ways = np.stack([wide[:, y : y + height, x : x + width] for y, x in corners])
    return ways[generator.integers(0, 4, len(images)), np.arange(len(images))]


def fade(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Takes away the share `strength` of the contrast: every value moves so far towards the middle grey."""
    return _rounded(127.5 + (1 - strength) * (images - 127.5))


def occlude(images: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Blackens a square of `strength` pixels, wholly inside the picture, at a place drawn for every picture."""
    side = int(strength)
    count, height, width = images.shape[:3]
    top = generator.integers(0, height - side + 1, (count, 1, 1))
    left = generator.integers(0, width - side + 1, (count, 1, 1))
    rows, columns = np.arange(height)[:, None], np.arange(width)
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    hidden = images.copy()
    hidden[inside] = 0
    return hidden


PERTURBATIONS = {
    "noise": Perturbation(noise, "standard deviation, share of the range"),
    "blur": Perturbation(blur, "standard deviation, pixels"),
    "rotation": Perturbation(rotate, "degrees"),
    "shift": Perturbation(shift, "pixels"),
    "contrast": Perturbation(fade, "share taken away"),
    "occlusion": Perturbation(occlude, "side of the black square, pixels"),
}


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
