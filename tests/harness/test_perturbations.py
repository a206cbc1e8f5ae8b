"""What makes test pictures harder does what it says, and the strength 0 nothing."""

import numpy as np
import pytest
import scipy.ndimage
from skimage.metrics import structural_similarity

from apps.cifar10 import evaluate as cifar10
from apps.digits import evaluate as digits
from harness.perturbations import PERTURBATIONS, blur, fade, noise, occlude, rotate, shift


@pytest.fixture(scope="module")
def images():
    """Bars with a knob: neither symmetric nor touching the border."""
    image = np.zeros((28, 28), np.uint8)
    image[6:22, 12:16] = 255
    image[6:10, 12:22] = 160
    return np.repeat(image[None], 200, axis=0)


def generator():
    return np.random.default_rng(3)


@pytest.mark.parametrize("app", [digits, cifar10], ids=["digits", "cifar10"])
@pytest.mark.parametrize("name", PERTURBATIONS)
def test_strength_zero_changes_nothing_and_more_strength_changes_more(name, app, images):
    apply = PERTURBATIONS[name].apply
    np.testing.assert_array_equal(apply(images, 0.0, generator()), images)
    likeness = []
    for strength in app.STRENGTHS[name]:
        harder = apply(images, strength, generator())
        assert harder.dtype == np.uint8 and harder.shape == images.shape
        likeness.append(np.mean([structural_similarity(images[0], picture) for picture in harder[:50]]))
    assert likeness == sorted(likeness, reverse=True) and likeness[0] > likeness[-1] + 0.1


@pytest.mark.parametrize("name", [name for name in PERTURBATIONS if name != "noise"])
def test_the_colours_of_a_picture_move_together(name, images):
    """Where every channel is the same picture, the answer is that of the grey picture in every channel."""
    strength = digits.STRENGTHS[name][2]
    grey = PERTURBATIONS[name].apply(images, strength, generator())
    colour = PERTURBATIONS[name].apply(np.repeat(images[..., None], 3, axis=-1), strength, generator())
    np.testing.assert_array_equal(colour, np.repeat(grey[..., None], 3, axis=-1))


@pytest.mark.parametrize(("apply", "strength"), [(blur, 2.0), (rotate, 45), (shift, 5)])
def test_nothing_dark_comes_into_a_bright_picture(apply, strength):
    white = np.full((3, 32, 32, 3), 255, np.uint8)
    np.testing.assert_array_equal(apply(white, strength, generator()), white)


def test_the_noise_has_its_standard_deviation():
    grey = np.full((50, 28, 28), 128, np.uint8)
    noisy = noise(grey, 0.1, generator()).astype(float)
    assert noisy.std() == pytest.approx(25.5, rel=0.02) and noisy.mean() == pytest.approx(128, abs=0.5)


def test_a_blurred_point_is_as_wide_as_it_says():
    image = np.zeros((1, 41, 41), np.uint8)
    image[0, 20, 20] = 255
    spread = blur(np.repeat(image, 1, 0), 1.5, generator())[0].astype(float)
    distances = np.arange(41) - 20
    assert np.sqrt((spread.sum(0) * distances**2).sum() / spread.sum()) == pytest.approx(1.5, abs=0.15)


def test_pictures_turn_either_way_about_their_middle(images):
    turned = rotate(images, 30, generator())
    ways = [scipy.ndimage.rotate(images[0].astype(float), angle, reshape=False, order=1) for angle in (30, -30)]
    found = np.array([[np.abs(picture - way).mean() < 1 for way in ways] for picture in turned])
    assert found.any(axis=1).all() and 70 < found[:, 0].sum() < 130


def test_pictures_move_by_the_pixels_and_lose_what_leaves(images):
    centre = np.array(scipy.ndimage.center_of_mass(images[0]))
    moves = {
        tuple(np.round(scipy.ndimage.center_of_mass(x) - centre).astype(int)) for x in shift(images, 4, generator())
    }
    assert moves == {(4, 0), (-4, 0), (0, 4), (0, -4)}
    assert (shift(images, 28, generator()) == 0).all()


def test_contrast_shrinks_around_the_middle_grey(images):
    assert set(np.unique(fade(images, 0.8, generator()))) == {102, 134, 153}  # of 0, 160 and 255


def test_the_square_that_hides_is_whole_and_wanders():
    white = np.full((2000, 28, 28), 255, np.uint8)
    hidden = occlude(white, 8, generator()) == 0
    assert (hidden.sum(axis=(1, 2)) == 64).all()
    assert (hidden.any(axis=1).sum(axis=1) == 8).all() and (hidden.any(axis=2).sum(axis=1) == 8).all()
    assert hidden.any(axis=0).all()
