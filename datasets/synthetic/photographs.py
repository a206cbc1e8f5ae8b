"""Made photographs of handwritten digits: pen or marker on shaded, ruled, grainy paper, seen askew. Made, not taken."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import skimage.morphology
import skimage.transform

SKELETON_SIDE = 112
"""Side in pixels at which a digit's skeleton is drawn anew with a pen."""


def photograph(digit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns a grey photograph, uint8 [height, width] of 120 to 360 pixels a side, of a digit.

    Args:
        digit: uint8 [28, 28], bright ink on black; all black for a sheet without a digit.

    By chance: the digit covers a quarter to two thirds of the shorter side, anywhere on the sheet; half are written anew
    along their skeleton with a thin pen; the sheet is turned by up to 10 degrees and seen askew; the light falls off by up to
    half across the sheet; half of the sheets are ruled; one in six is a dark board written on in chalk. Then blur and grain.
    """
    height, width = generator.integers(120, 361, 2)
    ink = _on_sheet(_written(digit, generator), height, width, generator)
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    paper = np.full((height, width), generator.uniform(170, 245))
    if generator.random() < 0.5:
        paper -= _lines(rows, columns, max(height, width), generator)
    pen = generator.uniform(15, 90)
    picture = paper + ink * (pen - paper)
    if generator.random() < 1 / 6:
        picture = 255 - picture
    angle, fall = generator.uniform(0, 2 * np.pi), generator.uniform(0, 0.5)
    across = np.cos(angle) * (columns - columns.mean()) + np.sin(angle) * (rows - rows.mean())
    picture *= 1 - fall * (across - across.min()) / np.ptp(across)
    picture = scipy.ndimage.gaussian_filter(picture, generator.uniform(0, 1.5))
    picture += generator.normal(0, generator.uniform(1, 8), picture.shape)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _written(digit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns ink from 0 to 1, [112, 112]: the digit enlarged, or its skeleton drawn with a pen."""
    large = skimage.transform.resize(digit / 255.0, (SKELETON_SIDE, SKELETON_SIDE), order=3)
    if generator.random() < 0.5:
        return np.clip((large - 0.3) / 0.4, 0, 1)
    skeleton = skimage.morphology.skeletonize(large > 0.5)
    distance = scipy.ndimage.distance_transform_edt(~skeleton) if skeleton.any() else np.full_like(large, np.inf)
    return np.clip(generator.uniform(1.5, 4.0) + 0.5 - distance, 0, 1)


def _on_sheet(ink: np.ndarray, height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Returns the ink turned, seen askew and put somewhere on a sheet of [height, width]."""
    side = generator.uniform(0.25, 0.67) * min(height, width) * SKELETON_SIDE / 80  # 20 of the 28 pixels hold the digit
    centre = np.array([generator.uniform(0.4 * side, size - 0.4 * side) for size in (width, height)])
    angle = np.radians(generator.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    seen = (corners * (1 + generator.uniform(-0.08, 0.08, (4, 2)))) @ turn.T * side + centre
    source = (corners + 0.5) * (SKELETON_SIDE - 1)
    warp = skimage.transform.ProjectiveTransform.from_estimate(seen, source)
    return skimage.transform.warp(ink, warp, output_shape=(height, width), order=1)


def _lines(rows: np.ndarray, columns: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    """Returns how much darker ruled lines make the paper, [height, width]; some sheets are squared."""
    distance, tilt = generator.uniform(0.08, 0.25), np.tan(np.radians(generator.uniform(-3, 3)))
    thickness, depth = generator.uniform(1, 2.5) / side, generator.uniform(20, 80)
    phase = generator.uniform(0, distance, 2)
    ways = [rows + tilt * columns + phase[0]]
    if generator.random() < 0.3:
        ways.append(columns - tilt * rows + phase[1])
    return depth * np.max([np.mod(way, distance) < thickness for way in ways], axis=0)
