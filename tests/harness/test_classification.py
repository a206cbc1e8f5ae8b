"""Metrics and sections of a classifier against scikit-learn and hand-computed cases."""

import math

import numpy as np
import pytest
import sklearn.metrics
from sklearn.utils.class_weight import compute_class_weight

from harness import classification
from harness.sections import Picture, Table

NAMES = ["cat", "dog", "<b>bird</b>"]


@pytest.fixture(scope="module")
def answers():
    generator = np.random.default_rng(0)
    labels = generator.choice(3, size=300, p=[0.6, 0.3, 0.1])
    logits = generator.normal(size=(300, 3))
    logits[np.arange(300), labels] += 1.0
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities


@pytest.fixture(scope="module")
def measured(answers):
    return classification.metrics(*answers, NAMES)


def test_values_equal_scikit_learn(answers, measured):
    labels, probabilities = answers
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(labels, predicted),
        "error_rate": 1 - sklearn.metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(labels, predicted),
        "macro_f1": sklearn.metrics.f1_score(labels, predicted, average="macro"),
        "negative_log_likelihood": sklearn.metrics.log_loss(labels, probabilities),
    }
    assert {name: measured[name].value for name in expected} == pytest.approx(expected, rel=1e-9)


def test_every_interval_holds_its_value(measured):
    for name, metric in measured.items():
        low, high = metric.interval95
        assert low < metric.value < high, name
        assert metric.examples == 300


def test_intervals_of_accuracy_and_error_mirror_each_other(measured):
    low, high = measured["accuracy"].interval95
    assert measured["error_rate"].interval95 == pytest.approx((1 - high, 1 - low))


def test_calibration_error_by_hand():
    """Ten answers at 0.9 of which 8 are right, ten at 0.6 of which 6 are right: (10 * 0.1 + 10 * 0) / 20."""
    labels = np.array([0] * 8 + [1] * 2 + [0] * 6 + [1] * 4)
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    value = classification.metrics(labels, probabilities, ["a", "b"])["expected_calibration_error"].value
    assert value == pytest.approx(0.05)


def test_groups_widen_the_interval(answers):
    """Every answer twice, as one group: the interval of 300 pairs is wider than that of 600 lone examples."""
    labels, probabilities = np.repeat(answers[0], 2), np.repeat(answers[1], 2, axis=0)
    alone = classification.metrics(labels, probabilities, NAMES)["accuracy"].interval95
    paired = classification.metrics(labels, probabilities, NAMES, groups=np.arange(600) // 2)["accuracy"].interval95
    assert (paired[1] - paired[0]) / (alone[1] - alone[0]) == pytest.approx(math.sqrt(2), rel=0.1)


def test_a_certain_wrong_answer_costs_a_finite_loss():
    loss = classification.metrics([1, 0], [[1.0, 0.0], [1.0, 0.0]], ["a", "b"])["negative_log_likelihood"].value
    assert 40 < loss < 50  # half of -log(1.2e-38)


def test_one_class_missing_from_the_labels():
    metrics = classification.metrics([0, 0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]], NAMES)
    assert metrics["balanced_accuracy"].value == pytest.approx(0.75)
    assert len(classification.sections([0, 0, 1], np.eye(3)[[0, 1, 1]], NAMES)) == 3


def test_sections_show_the_counts(answers):
    confusion, table, reliability = classification.sections(*answers, NAMES)
    assert isinstance(confusion, Picture) and isinstance(reliability, Picture) and isinstance(table, Table)
    labels, predicted = answers[0], answers[1].argmax(axis=1)
    drawn = confusion.figure.axes[0].images[0].get_array()
    expected = sklearn.metrics.confusion_matrix(labels, predicted, normalize="true")
    np.testing.assert_allclose(drawn, expected)
    report = sklearn.metrics.classification_report(labels, predicted, target_names=NAMES, output_dict=True)
    for row in table.rows:
        assert row[4] == report[row[0]]["support"]
        assert row[3] == f"{report[row[0]]['f1-score']:.3f}"
    assert sum(bar.get_height() for bar in reliability.figure.axes[1].patches) == 300


def test_class_weights_equal_scikit_learn():
    labels = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(classification.class_weights(labels, 3), expected, rtol=1e-6)


def test_class_weights_of_an_absent_class():
    weights = classification.class_weights([0, 0, 2], 4)
    np.testing.assert_allclose(weights, [0.75, 0, 1.5, 0])
    assert weights.dtype == np.float32
    with pytest.raises(ValueError, match="a label is 3"):
        classification.class_weights([3], 3)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [([0, 1], np.ones((2, 2)), "expected labels"), ([0, 3], np.ones((2, 3)), "outside 0 to 2")],
)
def test_wrong_shapes_and_labels_are_named(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        classification.metrics(labels, probabilities, NAMES)
