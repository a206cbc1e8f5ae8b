"""What is measured of a digits model, calibration included."""

import re

import keras
import numpy as np
import pytest
import scipy.special
from sklearn.metrics import accuracy_score, log_loss

from apps.digits import models
from apps.digits.config import Config, ConvNet, LeNet5, MaxoutMLP
from apps.digits.evaluate import evaluate, predict
from apps.digits.figures import figures
from apps.digits.tuning import FALSE_ALARMS, tune, tuned_answers
from datasets.errors import DataError
from harness.app import Prepared, Source
from harness.labelled_pictures import LabelledPictures

SPEC = {"class_names": ["0", "1", "2"]}
FACTOR = 3.0


def overconfident_model(dropout: float = 0.0) -> keras.Model:
    """Reads its logits off each picture's first three pixels, three times too large."""
    inputs = keras.Input((28, 28))
    slope, rest = keras.initializers.Identity(FACTOR / 40), keras.initializers.Constant(-128 * FACTOR / 40)
    logits = keras.layers.Dense(3, kernel_initializer=slope, bias_initializer=rest, name="logits")(inputs[:, 0, :3])
    return keras.Model(inputs, keras.layers.Dropout(dropout)(logits))


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
    return pictures(3000, 1)


@pytest.fixture(scope="module")
def spec():
    """With what is tuned on other pictures."""
    splits = {"train": pictures(3000, 3), "validation": pictures(3000, 2)}
    return {**SPEC, "tuned": tune(Config(), SPEC, overconfident_model(), Prepared(splits, SPEC, Source("drawn", "")))}


@pytest.fixture(scope="module")
def predictions(spec, held_out):
    return predict(Config(), spec, overconfident_model(), held_out)


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
    assert any(re.fullmatch(r"Reliability diagram with temperature (2\.[789]|3\.[0123])\d", title) for title in titles)
    assert titles[-1] == "No digit" and "Robustness" in titles


def test_without_tuning_there_is_neither_temperature_nor_rejection(held_out):
    predictions = predict(Config(), SPEC, overconfident_model(), held_out)
    assert not {"temperature", "calibrated", "least_score"} & set(predictions)
    assert not {"temperature", "no_digit_false_alarms"} & set(evaluate(Config(), SPEC, predictions))
    splits = {"train": held_out, "validation": held_out.subset(np.arange(0))}
    assert tune(Config(), SPEC, overconfident_model(), Prepared(splits, SPEC, Source("drawn", ""))) == {}


def test_few_of_the_models_own_pictures_are_called_no_digit(spec, predictions):
    """About as many pictures never seen as of the validation pictures: 9 of 3,000."""
    metric = evaluate(Config(), spec, predictions)["no_digit_false_alarms"]
    assert metric.value == np.mean(predictions["scores"] < predictions["least_score"][0]) and metric.examples == 3000
    assert metric.value == pytest.approx(FALSE_ALARMS, abs=0.0035)


@pytest.mark.parametrize("damage", ["", "{}", '{"temperature": 1, "least_score": "x"}', "[1]"])
def test_damaged_tuning_is_named(damage):
    with pytest.raises(DataError, match=r"tuned/answers.json .*remove the folder tuned/ and evaluate again"):
        tuned_answers({"tuned": {"answers.json": damage}})


def test_the_most_wrong_pictures_come_first(held_out, predictions):
    own = predictions["probabilities"][np.arange(3000), held_out.labels]
    np.testing.assert_allclose(own[predictions["worst"]], np.sort(own)[:64])


def test_the_average_over_dropout_is_measured_beside_the_single_pass(held_out):
    """Leaving whole logits out of a model that is too sure of itself makes it less so."""
    predictions = predict(Config(), SPEC, overconfident_model(dropout=0.3), held_out)
    assert predictions["dropout_average"].shape == (1000, 3)
    metrics = evaluate(Config(), SPEC, predictions)
    average, single = (metrics[f"negative_log_likelihood_{name}"] for name in ("dropout_average", "single_pass"))
    assert average.value < single.value - 0.1 and average.examples == single.examples == 1000
    table = next(
        section
        for section in figures(Config(), SPEC, None, None, predictions)
        if section.title == "Average over dropout"
    )
    assert len(table.rows) == 2
    assert "dropout_average" not in predict(Config(), SPEC, overconfident_model(), held_out)


def test_harder_pictures_are_a_fixed_choice_and_score_lower(held_out, predictions):
    chosen = predictions["subset"]
    assert len(np.unique(chosen)) == 1000
    answers = predictions["perturbed_answers"]
    np.testing.assert_array_equal(answers[:, 0, 0], predictions["probabilities"][chosen].argmax(axis=1))
    metrics = evaluate(Config(), SPEC, predictions)
    assert 1 / 3 < metrics["accuracy_perturbed"].value < metrics["accuracy"].value
    right = answers == held_out.labels[chosen][:, None, None]
    assert metrics["accuracy_perturbed"].value == pytest.approx(np.mean([right[:, :, s].mean() for s in range(1, 6)]))


@pytest.mark.parametrize(
    ("model", "titles"),
    [
        (LeNet5(), ["Filters of convolution 1", "Filters of convolution 2", "Maps of convolution 1", "Maps of convolution 2"]),
        (ConvNet(widths=(4, 4)), ["Filters of convolution 1", "Filters of convolution 2", "Maps of convolution 1", "Maps of convolution 2"]),
        (MaxoutMLP(units=4), ["First filters"]),
    ],
    ids=["lenet5", "convnet", "maxout"],
)  # fmt: skip
def test_the_first_layers_are_drawn(model, titles, predictions):
    network = models.build(Config(model=model), {"class_names": list("0123456789")})
    sections = figures(Config(), SPEC, network, None, predictions)
    assert [section.title for section in sections][-len(titles) :] == titles
