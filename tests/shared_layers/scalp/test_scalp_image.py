import keras
import numpy as np
import pytest
from scipy.interpolate import CloughTocher2DInterpolator

from datasets.montage import known_positions
from shared_layers.scalp.projection import azimuthal_equidistant, clough_tocher_matrix
from shared_layers.scalp.scalp_image import ScalpImage

NAMES = "FP1 FP2 F7 F3 FZ F4 F8 T7 C3 CZ C4 T8 P7 P3 PZ P4 P8 O1 O2".split()
POSITIONS = [known_positions()[name] for name in NAMES]


def test_distance_and_direction_from_the_vertex_are_kept():
    arc, azimuth = 0.7, 2.1
    point = [np.sin(arc) * np.cos(azimuth), np.sin(arc) * np.sin(azimuth), np.cos(arc)]
    below = [np.sin(2.0), 0.0, np.cos(2.0)]
    projected = azimuthal_equidistant([point, below, [0, 0, 3.0]])
    np.testing.assert_allclose(
        projected, [[arc * np.cos(azimuth), arc * np.sin(azimuth)], [2.0, 0.0], [0.0, 0.0]], atol=1e-12
    )


def test_a_position_at_the_origin_is_refused():
    with pytest.raises(ValueError, match="origin"):
        azimuthal_equidistant([[0, 0, 0]])


def test_pictures_equal_scipy_interpolating_each_one():
    values = np.random.default_rng(0).standard_normal((2, 3, len(NAMES)))
    points = azimuthal_equidistant(POSITIONS)
    low, high = points.min(axis=0), points.max(axis=0)
    columns, rows = np.meshgrid(np.linspace(low[0], high[0], 16), np.linspace(high[1], low[1], 16))
    pictures = np.asarray(ScalpImage(POSITIONS, 16, dtype="float64")(values))
    for trial in range(2):
        for frame in range(3):
            reference = CloughTocher2DInterpolator(
                points, values[trial, frame], fill_value=0.0, tol=1e-10, maxiter=10_000
            )
            np.testing.assert_allclose(pictures[trial, frame], reference(columns, rows), atol=1e-6)


def test_nose_is_at_the_top_and_left_at_the_left():
    pictures = np.asarray(ScalpImage(POSITIONS, 17)(np.eye(len(NAMES), dtype=np.float32)))
    frontal, left = pictures[NAMES.index("FZ")], pictures[NAMES.index("C3")]
    assert np.unravel_index(frontal.argmax(), frontal.shape)[0] < 7
    assert np.unravel_index(left.argmax(), left.shape)[1] < 7


def test_a_constant_stays_constant_inside_and_zero_outside_the_hull():
    matrix = clough_tocher_matrix(azimuthal_equidistant(POSITIONS), 16)
    picture = np.ones(len(NAMES)) @ matrix
    assert set(np.round(picture, 6)) == {0.0, 1.0}
    assert picture.reshape(16, 16)[0, 0] == 0


def test_another_number_of_electrodes_is_named():
    with pytest.raises(ValueError, match="19 electrodes"):
        ScalpImage(POSITIONS, 8)(np.ones((1, 5)))


def test_it_loads_from_its_config():
    layer = ScalpImage(POSITIONS, 8)
    again = ScalpImage.from_config(layer.get_config())
    values = np.random.default_rng(1).standard_normal((4, len(NAMES)))
    np.testing.assert_array_equal(np.asarray(layer(values)), np.asarray(again(values)))


def test_half_precision_keeps_its_type():
    assert ScalpImage(POSITIONS, 8, dtype="mixed_bfloat16")(np.ones((1, 19), np.float32)).dtype == "bfloat16"
    assert keras.backend.standardize_dtype(ScalpImage(POSITIONS, 8)(np.ones((1, 19))).dtype) == "float32"
