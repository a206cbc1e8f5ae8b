"""What is measured of a digits model, calibration included."""

import re

import numpy as np
import pytest
import scipy.special
from sklearn.metrics import accuracy_score, log_loss

from apps.digits.config import Config, DataConfig
from apps.digits.data import HeldOutPictures, prepare
from apps.digits.evaluate import evaluate, predict
from apps.digits.figures import figures
from harness.labelled_pictures import LabelledPictures

SPEC = {"class_names": ["0", "1", "2"]}
FACTOR = 3.0


class OverconfidentModel:
    """Reads its logits off each picture's first three pixels, three times too large."""

    def predict(self, data, verbose):
        pictures = np.concatenate([batch.numpy() for batch in data])
        return FACTOR * (pictures[:, 0, :3] - 128) / 40


def pictures(count: int, seed: int) -> LabelledPictures:
    """Labels are drawn from the probabilities that a third of the model's logits state."""
    generator = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, :3] = generator.integers(0, 256, (count, 3))
    cumulated = scipy.special.softmax((images[:, 0, :3].astype(float) - 128) / 40, axis=1).cumsum(axis=1)
    labels = (generator.uniform(size=(count, 1)) > cumulated).sum(axis=1).clip(0, 2)
    return LabelledPictures(images, labels)


@pytest.fixture(scope="module")
def held_out():
    test = pictures(3000, 1)
    return HeldOutPictures(test.images, test.labels, pictures(3000, 2))


@pytest.fixture(scope="module")
def predictions(held_out):
    return predict(Config(), SPEC, OverconfidentModel(), held_out)


def test_the_temperature_undoes_overconfidence(held_out, predictions):
    assert predictions["temperature"][0] == pytest.approx(FACTOR, rel=0.1)
    metrics = evaluate(Config(), SPEC, predictions)
    before, after = (metrics[f"expected_calibration_error{end}"].value for end in ("", "_with_temperature"))
    assert after < 0.03 < 0.08 < before
    answers = predictions["probabilities"].argmax(axis=1)
    assert metrics["accuracy"].value == pytest.approx(accuracy_score(held_out.labels, answers))
    expected = log_loss(held_out.labels, predictions["calibrated"].astype(float))
    assert metrics["negative_log_likelihood_with_temperature"].value == pytest.approx(expected, rel=1e-3)


def test_the_report_draws_the_reliability_before_and_after(predictions):
    titles = [section.title for section in figures(Config(), SPEC, None, None, predictions)]
    assert "Reliability diagram" in titles
    assert re.fullmatch(r"Reliability diagram with temperature (2\.[789]|3\.[0123])\d", titles[-1])


def test_other_pictures_than_the_runs_own_have_no_temperature(held_out):
    plain = LabelledPictures(held_out.images, held_out.labels)
    predictions = predict(Config(), SPEC, OverconfidentModel(), plain)
    assert set(predictions) == {"labels", "probabilities", "worst", "worst_images"}
    assert "temperature" not in evaluate(Config(), SPEC, predictions)


def test_the_most_wrong_pictures_come_first(held_out, predictions):
    own = predictions["probabilities"][np.arange(3000), held_out.labels]
    np.testing.assert_allclose(own[predictions["worst"]], np.sort(own)[:64])


def test_the_test_split_of_a_run_brings_its_validation_pictures():
    splits = prepare(Config(data=DataConfig(source="demo"))).splits
    assert splits["test"].validation is splits["validation"]
    assert len(splits["test"]) == 540
