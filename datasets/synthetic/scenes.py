"""Synthetic scenes: one or two coloured shapes on a plain ground, with captions made by a small grammar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

COLOURS = {
    "red": (214, 48, 49),
    "green": (39, 174, 96),
    "blue": (41, 98, 255),
    "yellow": (241, 196, 15),
    "purple": (142, 68, 173),
    "white": (245, 245, 245),
}
SHAPES = ("circle", "square", "triangle", "diamond", "cross")
SIZES = {"small": 0.11, "large": 0.2}
CAPTIONS_PER_SCENE = 5
OPPOSITE = {"left of": "right of", "above": "below"}


class Scenes(NamedTuple):
    """Rendered scenes; synthetic throughout.

    pictures: uint8 [scenes, size, size, 3].
    captions: five a scene, several ways to say the same.
    """

    pictures: np.ndarray
    captions: tuple[tuple[str, ...], ...]


def make(count: int, seed: int, size: int = 64) -> Scenes:
    """Returns scenes that depend on the seed and their number in the row alone.

    Args:
        count: number of scenes.
        seed: another seed, other scenes.
        size: height and width in pixels.
    """
    pictures = np.empty((count, size, size, 3), np.uint8)
    captions = []
    for index in range(count):
        generator = np.random.default_rng([seed, index])
        things, direction = _arrange(generator)
        pictures[index] = _render(things, size, generator)
        captions.append(_describe(things, direction, generator))
    return Scenes(pictures, tuple(captions))


class _Thing(NamedTuple):
    colour: str
    shape: str
    size: str
    centre: tuple[float, float]


def _arrange(generator: np.random.Generator) -> tuple[list[_Thing], str]:
    first, second = (_names(generator) for _ in range(2))
    if generator.random() < 0.3:
        return [_Thing(*first, tuple(generator.uniform(0.3, 0.7, 2)))], ""
    direction = str(generator.choice(list(OPPOSITE)))
    near, far = generator.uniform(0.22, 0.32), generator.uniform(0.68, 0.78)
    low, high = generator.uniform(0.35, 0.65, 2)
    if direction == "left of":
        return [_Thing(*first, (low, near)), _Thing(*second, (high, far))], direction
    return [_Thing(*first, (near, low)), _Thing(*second, (far, high))], direction


def _names(generator: np.random.Generator) -> tuple[str, str, str]:
    return str(generator.choice(list(COLOURS))), str(generator.choice(SHAPES)), str(generator.choice(list(SIZES)))


def _render(things: list[_Thing], size: int, generator: np.random.Generator) -> np.ndarray:
    fine = 2 * size
    rows, columns = (np.mgrid[0:fine, 0:fine] + 0.5) / fine
    canvas = np.full((fine, fine, 3), generator.uniform(60, 110), np.float64)
    for thing in things:
        radius = SIZES[thing.size] * generator.uniform(0.9, 1.1)
        inside = _inside(thing.shape, (rows - thing.centre[0]) / radius, (columns - thing.centre[1]) / radius)
        canvas[inside] = COLOURS[thing.colour]
    smooth = canvas.reshape(size, 2, size, 2, 3).mean((1, 3)) + generator.normal(0, 6, (size, size, 3))
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)


def _inside(shape: str, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Points of a shape about the origin that fills [-1, 1] in both directions."""
    across, along = np.abs(right), np.abs(down)
    if shape == "circle":
        return down**2 + right**2 <= 1
    if shape == "square":
        return np.maximum(across, along) <= 0.9
    if shape == "triangle":
        return (down <= 0.9) & (across <= (down + 1) / 1.9)
    if shape == "diamond":
        return across + along <= 1.1
    return (np.maximum(across, along) <= 1) & (np.minimum(across, along) <= 0.33)


def _describe(things: list[_Thing], direction: str, generator: np.random.Generator) -> tuple[str, ...]:
    phrases = [f"a {thing.size} {thing.colour} {thing.shape}" for thing in things]
    if len(things) == 1:
        ways = [
            phrases[0],
            f"there is {phrases[0]}",
            f"one {phrases[0][2:]}",
            f"{phrases[0]} alone",
            f"only {phrases[0]}",
        ]
    else:
        first, second = phrases
        ways = [
            f"{first} {direction} {second}",
            f"{second} {OPPOSITE[direction]} {first}",
            f"there is {first} {direction} {second}",
            f"{first} is {direction} {second}",
            f"{second} is {OPPOSITE[direction]} {first}",
        ]
    return tuple(ways[i] for i in generator.permutation(CAPTIONS_PER_SCENE))
