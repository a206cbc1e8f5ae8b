"""Metrics of several labels an example, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from harness import multilabel

NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def answers():
    """Labels, and probabilities that tell something about them; the third label is rare, the fourth does not occur."""
    generator = np.random.default_rng(0)
    labels = (generator.uniform(size=(400, 4)) < [0.5, 0.3, 0.05, 0.0]).astype(np.int64)
    probabilities = 1 / (1 + np.exp(-(2 * labels - 1 + 1.2 * generator.standard_normal((400, 4)))))
    return labels, probabilities


def test_the_metrics_are_those_of_scikit_learn(answers):
    labels, probabilities = answers
    thresholds = np.array([0.5, 0.4, 0.7, 0.9])
    given = (probabilities >= thresholds).astype(int)
    found = multilabel.metrics(labels, probabilities, thresholds)
    expected = {
        "accuracy": reference.accuracy_score(labels, given),
        "error_rate": reference.zero_one_loss(labels, given),
        "hamming_loss": reference.hamming_loss(labels, given),
        "micro_f1": reference.f1_score(labels, given, average="micro"),
        "macro_f1": reference.f1_score(labels[:, :3], given[:, :3], average="macro"),
        "mean_average_precision": reference.average_precision_score(labels[:, :3], probabilities[:, :3]),
    }
    assert {name: metric.value for name, metric in found.items()} == pytest.approx(expected)
    for metric in found.values():
        low, high = metric.interval95
        assert low < metric.value < high and metric.examples == 400


def test_the_thresholds_have_the_best_f1_of_all(answers):
    labels, probabilities = answers
    thresholds = multilabel.best_thresholds(labels, probabilities)
    assert thresholds[3] == 0.5
    for place in range(3):
        tried = [
            reference.f1_score(labels[:, place], probabilities[:, place] >= value) for value in np.linspace(0, 1, 1001)
        ]
        reached = reference.f1_score(labels[:, place], probabilities[:, place] >= thresholds[place])
        assert reached >= max(tried)


def test_the_table_has_a_row_for_each_label_also_one_that_does_not_occur(answers):
    labels, probabilities = answers
    table = multilabel.label_table(labels, probabilities, np.full(4, 0.5), NAMES)
    precision = reference.precision_score(labels[:, 0], probabilities[:, 0] >= 0.5)
    area = reference.average_precision_score(labels[:, 0], probabilities[:, 0])
    assert table.rows[0][0] == "a" and table.rows[0][2] == f"{precision:.1%}" and table.rows[0][5] == f"{area:.3f}"
    assert table.rows[3][5] == "" and table.rows[3][6] == 0
    assert len(multilabel.precision_recall_picture(labels, probabilities, NAMES).figure.axes[0].lines) == 3
