"""Made photographs of digits: what they state of themselves."""

import numpy as np
import pytest
import scipy.ndimage

from datasets.synthetic.photographs import photograph


def seven() -> np.ndarray:
    digit = np.zeros((28, 28), np.uint8)
    digit[4:7, 8:20] = 255
    for row in range(7, 24):
        digit[row, 19 - (row - 4) // 2 : 22 - (row - 4) // 2] = 255
    return digit


@pytest.fixture(scope="module")
def photographs():
    return [photograph(seven(), np.random.default_rng([5, number])) for number in range(60)]


@pytest.fixture(scope="module")
def empty():
    return [photograph(np.zeros((28, 28), np.uint8), np.random.default_rng([5, number])) for number in range(60)]


def test_the_same_generator_makes_the_same_photograph(photographs):
    np.testing.assert_array_equal(photograph(seven(), np.random.default_rng([5, 7])), photographs[7])
    assert not np.array_equal(photographs[7], photographs[8])


def test_they_are_grey_of_the_stated_sizes(photographs):
    sides = [side for picture in photographs for side in picture.shape]
    assert all(picture.dtype == np.uint8 and picture.ndim == 2 for picture in photographs)
    assert 120 <= min(sides) and max(sides) <= 360


def test_most_are_dark_ink_on_light_paper_and_some_chalk_on_a_board(photographs):
    light = np.mean([np.median(picture) > 90 for picture in photographs])
    assert 0.7 < light < 0.95


def test_the_digit_lies_on_the_sheet_and_nothing_else_changes_with_it(photographs, empty):
    """Chance takes the same course with and without ink, up to the pen's width, which only a written digit has."""
    same = [
        (a, b)
        for a, b in zip(photographs, empty, strict=True)
        if a.shape == b.shape and abs(np.median(a) - np.median(b)) < 2
    ]
    assert len(same) > 15
    shares = []
    for written, blank in same:
        ink = np.abs(scipy.ndimage.gaussian_filter(written.astype(float) - blank, 1.5)) > 12
        shares.append(ink.mean())
    assert 0.002 < np.median(shares) < 0.2
