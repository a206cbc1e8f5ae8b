"""From electrodes on the head to points in a plane, and from values there to a picture: fixed linear maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def azimuthal_equidistant(positions: Sequence[Sequence[float]]) -> np.ndarray:
    """Projects points around a head to the plane that touches it at the vertex, true in distance and direction from there.

    Args:
        positions: [electrodes, 3], x to the right ear, y to the nose, z up, any unit, origin inside the head. Only directions count.

    Returns:
        float64 [electrodes, 2] in radians of arc from the vertex: x to the right, y to the nose.

    Raises:
        ValueError: another shape, or a point at the origin.

    Source: Snyder, "Map projections - a working manual", 1987, chapter 25 (polar aspect); for EEG Bashivan et al., "Learning
    representations from EEG with deep recurrent-convolutional neural networks", 2016, section 3.1.

    >>> azimuthal_equidistant([[0, 0, 1], [1, 0, 0]]).round(4).tolist()
    [[0.0, 0.0], [1.5708, 0.0]]
    """
    points = np.asarray(positions, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(f"expected finite positions [electrodes, 3], received shape {points.shape}")
    if (np.linalg.norm(points, axis=1) == 0).any():
        raise ValueError("a position stands at the origin, where it has no direction")
    arc = np.arctan2(np.hypot(points[:, 0], points[:, 1]), points[:, 2])
    azimuth = np.arctan2(points[:, 1], points[:, 0])
    return np.stack([arc * np.cos(azimuth), arc * np.sin(azimuth)], axis=1)


def clough_tocher_matrix(points: np.ndarray, size: int) -> np.ndarray:
    """Returns the matrix that interpolates values at scattered points on a square grid over their bounding box.

    Clough-Tocher interpolation at fixed points is linear in the values, so that interpolating the identity once gives
    every later interpolation as one product. Pixels outside the points' convex hull are zero.

    Args:
        points: [electrodes, 2]: x to the right, y up.
        size: pixels a side; the corner pixels' centres are the corners of the box.

    Returns:
        float64 [electrodes, size * size]; rows of the picture from the top (largest y), columns from the left.

    Source: Alfeld, "A trivariate Clough-Tocher scheme for tetrahedral data", 1984, as in
    `scipy.interpolate.CloughTocher2DInterpolator`.

    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> (np.array([3.0, 3.0, 3.0, 3.0]) @ clough_tocher_matrix(corners, 2)).round(6).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    from scipy.interpolate import CloughTocher2DInterpolator

    points = np.asarray(points, np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    columns, rows = np.meshgrid(np.linspace(low[0], high[0], size), np.linspace(high[1], low[1], size))
    # A tolerance far below scipy's default: its gradients are found by iteration and the map must be linear to 1e-9.
    interpolate = CloughTocher2DInterpolator(points, np.eye(len(points)), fill_value=0.0, tol=1e-10, maxiter=10_000)
    return interpolate(columns, rows).reshape(size * size, len(points)).T
