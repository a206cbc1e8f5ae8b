"""Pictures the model was not made for: digits of other hands and cameras, and pictures of no digit. All seeded, none downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import sklearn.datasets
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from apps.digits.centring import from_bytes
from datasets.synthetic.photographs import photograph
from harness.labelled_pictures import LabelledPictures

SEED = 0
PHOTOGRAPHS = 300
ENLARGED = 64
"""Side in pixels of the UCI digits, which have 8."""
LETTERS = "ACDEFHJKLMNPQRTUVWXYabdefhkmnprtuvwxy"
"""Without those that look like a digit: B G I O S Z c g i j l o q s z."""
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf")
"""They come with matplotlib."""
BATCH = 100

_graph = tf.function(from_bytes, input_signature=[tf.TensorSpec([None], tf.string)])


def centred(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Returns grey pictures, uint8 [height, width], as the exported model sees them: float32 [n, 28, 28]."""
    encoded = [tf.io.encode_png(picture[..., None]).numpy() for picture in pictures]
    parts = [_graph(tf.constant(encoded[start : start + BATCH])) for start in range(0, len(encoded), BATCH)]
    return np.concatenate([part.numpy() for part in parts])


def other_hands(test: LabelledPictures, uci: bool) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """Returns name -> digits that were not made as the test split's, uint8 [height, width] of any size, and their labels.

    photographed_digits are 300 of the test split's own, photographed (`datasets.synthetic.photographs`); uci_digits, if asked
    for, the 1,797 of scikit-learn, 8x8 enlarged to 64x64, dark on white.
    """
    chosen = np.random.default_rng(SEED).permutation(len(test))[:PHOTOGRAPHS]
    pictures = [photograph(test.images[place], np.random.default_rng([SEED, int(place)])) for place in chosen]
    found = {"photographed_digits": (pictures, test.labels[chosen])}
    if uci:
        table = sklearn.datasets.load_digits()
        found["uci_digits"] = ([_enlarged(image) for image in table.images], table.target.astype(np.int64))
    return found


def no_digits() -> dict[str, list[np.ndarray]]:
    """Returns kind -> grey pictures, uint8 [height, width], that show no digit."""
    generator = np.random.default_rng(SEED)
    empty = np.zeros((28, 28), np.uint8)
    return {
        "letters": [_letter(letter, font) for font in FONTS for letter in LETTERS],
        "scenes": [_crop(image.mean(axis=2), generator) for image in _scenes() for _ in range(100)],
        "noise": [generator.integers(0, 256, (64, 64)).astype(np.uint8) for _ in range(100)],
        "empty_paper": [photograph(empty, np.random.default_rng([SEED, number])) for number in range(100)],
        "blank": [np.full((side, side), grey, np.uint8) for side in (1, 28, 300) for grey in (0, 128, 255)],
    }


def _enlarged(image: np.ndarray) -> np.ndarray:
    dark = Image.fromarray(np.uint8(np.round(255 - image * 255 / 16)))
    return np.asarray(dark.resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC))


def _letter(letter: str, font: str) -> np.ndarray:
    face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / font), 56)
    picture = Image.new("L", (96, 96), 255)
    ImageDraw.Draw(picture).text((48, 48), letter, font=face, fill=0, anchor="mm")
    return np.asarray(picture)


def _scenes() -> list[np.ndarray]:
    """Returns scikit-learn's two photographs: a Chinese temple and a flower."""
    return sklearn.datasets.load_sample_images().images


def _crop(grey: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    side = int(generator.integers(40, 200))
    top, left = (int(generator.integers(0, length - side)) for length in grey.shape)
    return np.round(grey[top : top + side, left : left + side]).astype(np.uint8)
