"""Any picture of a digit becomes one as MNIST's are."""

import io

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from PIL import Image

from apps.digits import centring
from apps.digits.centring import from_bytes, from_picture
from apps.digits.data import as_mnist
from harness import groups

GRAPH = tf.function(from_bytes, input_signature=[tf.TensorSpec([None], tf.string)])


def stroke(side: int = 120, ink: float = 20, paper: float = 230) -> np.ndarray:
    """An L, 60 pixels high and 40 wide."""
    picture = np.full((side, side), paper, np.uint8)
    picture[30:90, 20:32] = ink
    picture[78:90, 20:60] = ink
    return picture


def centred(*pictures: np.ndarray) -> np.ndarray:
    return GRAPH(tf.constant([png(picture) for picture in pictures])).numpy()


def png(picture: np.ndarray) -> bytes:
    return tf.io.encode_png(picture[..., None] if picture.ndim == 2 else picture).numpy()


def test_the_digit_is_fitted_into_twenty_pixels_around_its_centre_of_mass():
    """The middle of MNIST's pictures lies between their pixels 13 and 14, counted from 0, and theirs is rounded up."""
    image = centred(stroke())[0]
    rows, columns = np.nonzero(image > 60)
    assert np.ptp(rows) + 1 == 20 and np.ptp(columns) + 1 == pytest.approx(20 * 40 / 60, abs=1)
    assert scipy.ndimage.center_of_mass(image) == pytest.approx((14, 14), abs=0.55)


def test_polarity_contrast_size_and_place_do_not_matter():
    expected, inverted, pale, moved, large = centred(
        stroke(),
        255 - stroke(),
        stroke(ink=150, paper=190),
        np.pad(stroke(), ((60, 10), (10, 60)), mode="edge"),
        stroke().repeat(8, 0).repeat(8, 1),
    )
    for other in (inverted, pale):
        np.testing.assert_allclose(other, expected, atol=4)
    for resampled in (moved, large):
        assert np.abs(resampled - expected).mean() < 5


def shaded(picture: np.ndarray) -> np.ndarray:
    """Light that falls off to less than half across the picture, as it does: in proportion."""
    y, x = np.mgrid[0:1:120j, 0:1:120j]
    return np.round(picture * (1 - 0.35 * x - 0.2 * y * y)).astype(np.uint8)


def ruled(picture: np.ndarray, darker: int) -> np.ndarray:
    picture = picture.copy()
    for row in range(8, 120, 16):
        for column in range(120):
            y = row + column // 40
            picture[y : y + 2, column] = np.maximum(picture[y : y + 2, column].astype(int) - darker, 20)
    return picture


def test_shaded_paper_and_ruled_lines_fade():
    plain, dark, lined, both, board = centred(
        stroke(),
        shaded(stroke()),
        ruled(stroke(), 90),
        shaded(ruled(stroke(), 90)),
        255 - ruled(stroke(), 90),
    )
    difference = np.abs(dark - plain).mean()
    assert difference < 5
    for other in (lined, both, board):
        assert np.abs(other - plain).mean() < 10
        rows, columns = np.nonzero(other > 60)
        assert np.ptp(rows) + 1 == pytest.approx(20, abs=1) and np.ptp(columns) + 1 == pytest.approx(13, abs=2)


def test_the_look_across_the_middle_skips_plain_pictures_and_misses_no_line(monkeypatch):
    pictures = [stroke(), ruled(stroke(), 90), ruled(stroke(), 60).T, shaded(ruled(stroke(), 30)), shaded(stroke())]
    encoded = tf.constant([png(picture) for picture in pictures])
    answers = []
    crossed = centring._crossed
    monkeypatch.setattr(centring, "_crossed", lambda strong: answers.append(crossed(strong)) or answers[-1])
    quick = from_bytes(encoded).numpy()
    assert answers[0].numpy().tolist() == [False, True, True, True, False]
    monkeypatch.setattr(centring, "_crossed", lambda strong: tf.ones(len(strong), tf.bool))
    np.testing.assert_array_equal(quick, from_bytes(encoded).numpy())


def test_a_thin_pen_is_drawn_as_thick_as_mnists_thinnest_and_a_brush_thinner():
    y, x = np.mgrid[0:200, 0:200]
    thin, thick = (np.where(abs(np.hypot(y - 100, x - 100) - 60) < half, 0, 255) for half in (1.2, 22))
    areas = [(image / 255).sum() for image in centred(thin.astype(np.uint8), thick.astype(np.uint8))]
    length = 2 * np.pi * 60 * 20 / 122, 2 * np.pi * 60 * 20 / 164
    assert 1.3 < areas[0] / length[0] < 2.2  # drawn as it is: 0.4 pixels of 28
    assert areas[1] / length[1] < 4.6  # drawn as it is: 5.4


def test_a_blank_picture_stays_blank():
    blank = [np.full(size, grey, np.uint8) for size in ((50, 70), (1, 1), (300, 2)) for grey in (0, 128, 255)]
    assert centred(*blank, stroke())[:-1].max() == 0
    assert max(as_mnist(picture).max() for picture in blank) == 0


@pytest.mark.parametrize("encoded", [b"no picture", b"", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(encoded):
    with pytest.raises(tf.errors.InvalidArgumentError):
        GRAPH(tf.constant([encoded]))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG"])
def test_a_huge_picture_is_refused_before_it_is_unpacked(kind):
    stream = io.BytesIO()
    Image.new("L", (10_001, 10_000), 255).save(stream, kind)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 100 megapixels"):
        GRAPH(tf.constant([png(stroke()), stream.getvalue()]))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
def test_every_kind_of_file_gives_the_same(kind):
    stream = io.BytesIO()
    Image.fromarray(stroke()).save(stream, kind)
    found = GRAPH(tf.constant([stream.getvalue()])).numpy()[0]
    assert np.abs(found - centred(stroke())[0]).mean() < 1


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "P"])
def test_colours_and_an_alpha_channel_change_nothing(mode):
    stream = io.BytesIO()
    Image.fromarray(stroke()).convert(mode).save(stream, "PNG")
    found = GRAPH(tf.constant([stream.getvalue()])).numpy()[0]
    assert np.abs(found - centred(stroke())[0]).mean() < 1


def test_any_number_of_pictures_is_answered_group_by_group(monkeypatch):
    pictures = [stroke(side) for side in (90, 100, 120, 170, 200)]
    whole = centred(*pictures)
    monkeypatch.setattr(groups, "GROUP", 2)
    grouped = tf.function(from_bytes)
    encoded = [png(picture) for picture in pictures]
    for count in (1, 2, 5):
        np.testing.assert_allclose(grouped(tf.constant(encoded[:count])), whole[:count], atol=1e-3)
    assert grouped(tf.constant([], tf.string)).shape == (0, 28, 28)


def test_a_batch_answers_as_each_picture_alone():
    pictures = [
        stroke(),
        255 - stroke()[20:100, 10:70],
        np.pad(stroke()[30:90, 20:60], 3, constant_values=230)[::3, ::3],
    ]
    together = centred(*pictures)
    for picture, image in zip(pictures, together, strict=True):
        np.testing.assert_allclose(centred(picture)[0], image, atol=1)
        np.testing.assert_allclose(from_picture(tf.constant(picture)).numpy(), image, atol=1)
        np.testing.assert_allclose(as_mnist(picture), image, atol=1)
