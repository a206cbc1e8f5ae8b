"""Temperature scaling on classifiers whose calibration is known."""

import numpy as np
import pytest
import scipy.special
from sklearn.metrics import log_loss

from harness.calibration import fit_temperature, tempered


def examples(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels drawn from the very probabilities that the logits state."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (count, 4))
    cumulated = scipy.special.softmax(logits, axis=1).cumsum(axis=1)
    return (generator.uniform(size=(count, 1)) > cumulated).sum(axis=1).clip(0, 3), logits


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_logits_that_are_too_large_by_a_factor_get_it_as_their_temperature(factor):
    labels, logits = examples()
    assert fit_temperature(labels, factor * logits) == pytest.approx(factor, rel=0.03)


def test_the_temperature_has_the_least_log_loss_of_scikit_learn():
    labels, logits = examples(500)
    found = fit_temperature(labels, 2.5 * logits)
    losses = {
        t: log_loss(labels, tempered(2.5 * logits, t), labels=range(4)) for t in (0.95 * found, found, found / 0.95)
    }
    assert min(losses, key=losses.get) == found


def test_log_probabilities_serve_as_logits_and_answers_stay():
    labels, logits = examples(1000)
    shares = scipy.special.log_softmax(logits, axis=1)
    assert fit_temperature(labels, shares) == pytest.approx(fit_temperature(labels, logits), rel=1e-3)
    warm = tempered(logits, 4.0)
    np.testing.assert_array_equal(warm.argmax(axis=1), logits.argmax(axis=1))
    np.testing.assert_allclose(warm, scipy.special.softmax(logits / 4.0, axis=1), rtol=1e-5)


def test_without_examples_there_is_none():
    with pytest.raises(ValueError, match="without validation examples"):
        fit_temperature(np.zeros(0, int), np.zeros((0, 3)))


def test_answers_that_are_all_right_make_nothing_surer():
    logits = np.random.default_rng(0).normal(size=(50, 4))
    assert fit_temperature(logits.argmax(axis=1), logits) == 1.0
