"""What is no digit gets no class, from `predict` and from the exported endpoints alike."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.digits import other_pictures, rejection, serve
from apps.digits.config import Config
from apps.digits.evaluate import evaluate, predict
from apps.digits.figures import figures
from harness.labelled_pictures import LabelledPictures

NAMES = list("0123456789")
LEAST = 4.0
SPEC = {"class_names": NAMES, "tuned": {"answers.json": f'{{"temperature": 2.0, "least_score": {LEAST}}}'}}


def ink_meter() -> keras.Model:
    """The logit of class 3 is the ink, in tens of full pixels; the others are 0."""
    inputs = keras.Input((28, 28))
    ink = keras.ops.sum(inputs, axis=(1, 2), keepdims=False)[:, None] / 2550
    return keras.Model(inputs, ink * keras.ops.one_hot([3], 10))


@pytest.fixture(scope="module")
def endpoints():
    found = serve.endpoints(Config(), SPEC, ink_meter())
    return {e.name: tf.function(e.function, input_signature=list(e.signature)) for e in found}


def bar(pixels: int) -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[:20].flat[np.flatnonzero(np.arange(560) % 28 < 20)[:pixels]] = 255
    return image


def test_scores_are_the_largest_logits_and_blank_pictures_have_none():
    images = np.stack([bar(50), bar(0), np.full((28, 28), 255, np.uint8)]).astype(np.float32)
    logits = tf.constant([[1.0, 3.0], [9.0, 2.0], [9.0, 2.0]])
    np.testing.assert_array_equal(rejection.scores(images, logits), [3.0, -np.inf, -np.inf])


def test_the_endpoint_names_a_class_only_above_the_threshold(endpoints):
    answer = endpoints["images"](tf.constant(np.stack([bar(39), bar(41)])))
    assert answer["digit"].numpy().tolist() == [b"no digit", b"3"]
    odds = np.exp(4.1 / 2.0)
    np.testing.assert_allclose(answer["probabilities"][1, 3], odds / (odds + 9), rtol=1e-5)


def test_blank_pictures_of_any_size_are_no_digit(endpoints):
    blank = [np.full((*size, 1), grey, np.uint8) for size in ((1, 1), (28, 28), (300, 40)) for grey in (0, 128, 255)]
    encoded = tf.constant([tf.io.encode_png(picture).numpy() for picture in blank])
    assert set(endpoints["picture_bytes"](encoded)["digit"].numpy()) == {b"no digit"}
    flat = np.stack([np.full((28, 28), grey, np.uint8) for grey in (0, 255)])
    answers = endpoints["images"](tf.constant(flat))
    assert answers["digit"].numpy().tolist() == [b"no digit"] * 2
    row = serve.answer(Config(), SPEC, None, {name: value.numpy() for name, value in answers.items()}, None)
    assert row["digit"] == "no digit" and row["probability"] is None


@pytest.mark.long
def test_predict_counts_what_the_endpoint_would_say(endpoints):
    generator = np.random.default_rng(0)
    images = np.stack([bar(count) for count in generator.integers(20, 60, 40)])
    split = LabelledPictures(images, np.full(40, 3))
    predictions = predict(Config(), SPEC, ink_meter(), split)
    metrics = evaluate(Config(), SPEC, predictions)
    told = endpoints["images"](tf.constant(images))["digit"].numpy()
    assert metrics["no_digit_false_alarms"].value == np.mean(told == b"no digit")
    assert metrics["no_digit_blank"].value == 1.0
    kinds = set(other_pictures.no_digits())
    assert kinds | {"false_alarms", "uci_digits", "photographed_digits"} == {
        name.removeprefix("no_digit_") for name in metrics if name.startswith("no_digit_")
    }
    assert metrics["accuracy_uci_digits"].value == pytest.approx(183 / 1797)  # it always answers 3
    table = next(s for s in figures(Config(), SPEC, None, None, predictions) if s.title == "No digit")
    assert len(table.rows) == len(kinds) + 3


def test_letters_are_letters_and_scenes_are_many():
    kinds = other_pictures.no_digits()
    letters = np.stack(kinds["letters"])
    assert letters.shape == (5 * len(other_pictures.LETTERS), 96, 96)
    assert (letters.min(axis=(1, 2)) < 60).all() and len(np.unique(letters, axis=0)) > 0.95 * len(letters)
    assert len({picture.shape for picture in kinds["scenes"]}) > 50
