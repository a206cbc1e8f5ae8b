"""Synthetic colour pictures of textured shapes in ten classes, from a seeded generator."""

from __future__ import annotations

import numpy as np

CLASS_NAMES = ("disc", "ring", "square", "frame", "triangle", "cross", "star", "crescent", "half disc", "bars")
_CHUNK = 256
_FINER = 2
"""Points on each side of a pixel whose mean is the pixel."""


def textured_shapes(count: int, seed: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Returns synthetic pictures uint8 [count, size, size, 3] and their classes uint8 [count], equally frequent.

    Position, size, rotation, the two colours, the stripes on shape and background, a brightness gradient and noise are drawn
    for each picture, so that only the outline tells the class. The same arguments give the same pictures.
    """
    generator = np.random.default_rng([seed, size])
    labels = generator.permutation(np.arange(count) % len(CLASS_NAMES)).astype(np.uint8)
    parts = [_draw(labels[start : start + _CHUNK], generator, size) for start in range(0, count, _CHUNK)]
    images = np.concatenate(parts) if parts else np.zeros((0, size, size, 3), np.uint8)
    return images, labels


def _draw(labels: np.ndarray, generator: np.random.Generator, size: int) -> np.ndarray:
    def uniform(low: float, high: float) -> np.ndarray:
        return generator.uniform(low, high, (len(labels), 1, 1)).astype(np.float32)

    side = size * _FINER
    line = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1)[None]
    across, down = line[:, None, :] - uniform(-0.25, 0.25), line[:, :, None] - uniform(-0.25, 0.25)
    radius, turn = uniform(0.5, 0.75), uniform(-0.5, 0.5)
    x = (across * np.cos(turn) + down * np.sin(turn)) / radius
    y = (down * np.cos(turn) - across * np.sin(turn)) / radius
    inside = np.empty(x.shape, bool)
    for label in np.unique(labels):
        of_class = labels == label
        inside[of_class] = _outline(CLASS_NAMES[label], x[of_class], y[of_class])

    def stripes() -> np.ndarray:
        angle, frequency, phase = uniform(0, np.pi), uniform(4, 14), uniform(0, 2 * np.pi)
        return uniform(0, 0.2) * np.sin(frequency * (across * np.cos(angle) + down * np.sin(angle)) + phase)

    background = generator.uniform(0.1, 0.9, (len(labels), 3)).astype(np.float32)
    # at least one channel far from the background, so that every shape can be seen
    foreground = generator.uniform(0.1, 0.9, (len(labels), 3)).astype(np.float32)
    channel, rows = generator.integers(3, size=len(labels)), np.arange(len(labels))
    foreground[rows, channel] = (background[rows, channel] + generator.uniform(0.35, 0.65, len(labels))) % 1.0
    shade = np.where(inside, stripes(), stripes()) + uniform(-0.15, 0.15) * across + uniform(-0.15, 0.15) * down
    fine = np.where(inside[..., None], foreground[:, None, None], background[:, None, None]) + shade[..., None]
    pixels = fine.reshape(len(labels), size, _FINER, size, _FINER, 3).mean(axis=(2, 4))
    pixels += uniform(0, 0.08)[..., None] * generator.standard_normal(pixels.shape, np.float32)
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def _outline(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns which points lie inside the shape of radius one around the origin."""
    radius = np.hypot(x, y)
    square = np.maximum(np.abs(x), np.abs(y))
    match name:
        case "disc":
            return radius < 0.9
        case "ring":
            return (radius > 0.5) & (radius < 0.95)
        case "square":
            return square < 0.8
        case "frame":
            return (square > 0.45) & (square < 0.85)
        case "triangle":
            return (y < 0.6) & (y > 2 * np.abs(x) - 1.1)
        case "cross":
            return (np.minimum(np.abs(x), np.abs(y)) < 0.25) & (square < 0.95)
        case "star":
            angle = np.arctan2(x, -y)
            return radius < 0.66 + 0.36 * np.cos(5 * angle)
        case "crescent":
            return (radius < 0.95) & (np.hypot(x - 0.45, y) > 0.75)
        case "half disc":
            return (radius < 1.0) & (y > -0.1)
        case "bars":
            return (np.abs(y) < 0.9) & (np.abs(x) > 0.25) & (np.abs(x) < 0.75)
    raise ValueError(f"no shape is called {name}; there are {', '.join(CLASS_NAMES)}")
