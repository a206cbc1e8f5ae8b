"""Intervals and tests against scipy and closed forms."""

import numpy as np
import pytest
import scipy.stats

from harness.statistics import (
    bootstrap,
    bootstrap_corpus,
    bootstrap_ratio,
    paired_permutation_test,
    standard_error,
    wilson,
)


@pytest.mark.parametrize(("successes", "count"), [(0, 1), (1, 1), (0, 50), (50, 50), (3, 7), (9_912, 10_000)])
def test_wilson_equals_scipy(successes, count):
    expected = scipy.stats.binomtest(successes, count).proportion_ci(0.95, method="wilson")
    assert wilson(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_ends_are_exact():
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0


@pytest.mark.parametrize(("successes", "count"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(successes, count):
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, count)


@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std])
def test_bootstrap_equals_scipy_up_to_chance(statistic):
    values = np.random.default_rng(1).gamma(2.0, size=400)
    expected = scipy.stats.bootstrap(
        (values,), statistic, vectorized=False, n_resamples=2000, method="percentile", rng=3
    ).confidence_interval
    width = expected.high - expected.low
    assert bootstrap(values, statistic) == pytest.approx((expected.low, expected.high), abs=0.08 * width)


def test_bootstrap_of_a_mean_has_the_width_of_the_normal_interval():
    values = np.random.default_rng(2).normal(5.0, 2.0, 2000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert bootstrap(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_bootstrap_is_the_same_for_the_same_seed_only():
    values = np.arange(30.0)
    assert bootstrap(values, seed=4) == bootstrap(values, seed=4)
    assert bootstrap(values, seed=4) != bootstrap(values, seed=5)


def test_groups_are_drawn_whole():
    """Ten subjects whose twenty values are all alike hold ten observations, not two hundred."""
    subjects = np.random.default_rng(3).normal(size=10)
    values, groups = np.repeat(subjects, 20), np.repeat([f"s{i}" for i in range(10)], 20)
    of_subjects = bootstrap(subjects)
    assert bootstrap(values, groups=groups) == pytest.approx(of_subjects, abs=0.1 * (of_subjects[1] - of_subjects[0]))
    low, high = bootstrap(values)
    assert high - low < 0.4 * (of_subjects[1] - of_subjects[0])


def test_groups_of_different_size_and_any_order():
    drawn = []
    groups = ["b", "a", "b", "b"]
    bootstrap_corpus(4, lambda indices: drawn.append(tuple(sorted(indices))) or 0.0, groups, draws=50)
    assert set(drawn) == {(1, 1), (0, 1, 2, 3), (0, 0, 2, 2, 3, 3)}


def test_ratio_with_equal_denominators_is_a_mean():
    errors = np.random.default_rng(4).integers(0, 5, 60)
    assert bootstrap_ratio(errors, np.full(60, 10)) == pytest.approx(bootstrap(errors / 10), abs=1e-12)


def test_ratio_equals_scipy_up_to_chance():
    generator = np.random.default_rng(5)
    words = generator.integers(3, 20, 130)
    errors = generator.binomial(words, 0.15)
    expected = scipy.stats.bootstrap(
        (errors, words),
        lambda e, w, axis: e.sum(axis=axis) / w.sum(axis=axis),
        paired=True,
        n_resamples=2000,
        method="percentile",
        rng=6,
    ).confidence_interval
    width = expected.high - expected.low
    assert bootstrap_ratio(errors, words) == pytest.approx((expected.low, expected.high), abs=0.08 * width)


def test_draws_without_a_value_are_left_out():
    """A draw of four empty references has no word error rate."""
    low, high = bootstrap_ratio([1, 0, 0, 0], [2, 0, 0, 0])
    assert (low, high) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap([]), "at least one"),
        (lambda: bootstrap([np.nan, 1.0, np.nan]), "not finite"),
        (lambda: bootstrap_ratio([1, 2], [1]), "denominators"),
        (lambda: bootstrap([1.0, 2.0], groups=["a"]), "group of each of 2"),
        (lambda: paired_permutation_test([], []), "expected two arrays"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_permutation_test_equals_scipy_exactly_on_few_examples():
    first = np.array([0.9, 0.7, 0.8, 0.4, 0.6, 0.95, 0.3])
    second = np.array([0.5, 0.75, 0.6, 0.2, 0.6, 0.7, 0.1])
    expected = scipy.stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert paired_permutation_test(first, second) == pytest.approx(expected.pvalue, abs=1e-12)


def test_permutation_test_on_many_examples_is_near_the_normal_one():
    generator = np.random.default_rng(7)
    first = generator.normal(0.1, 1.0, 400)
    second = np.zeros(400)
    z = first.sum() / np.sqrt((first**2).sum())
    assert paired_permutation_test(first, second) == pytest.approx(2 * scipy.stats.norm.sf(abs(z)), abs=0.015)


def test_permutation_of_whole_groups_is_that_of_their_sums():
    generator = np.random.default_rng(8)
    first, second = generator.random(24), generator.random(24)
    groups = np.arange(24) % 6
    sums = [(first - second)[groups == g].sum() for g in range(6)]
    expected = paired_permutation_test(sums, np.zeros(6))
    assert paired_permutation_test(first, second, groups) == pytest.approx(expected, abs=1e-12)


def test_the_same_system_twice_does_not_differ():
    assert paired_permutation_test([1, 0, 1], [1, 0, 1]) == 1.0


def test_standard_error_equals_scipy():
    values = [0.91, 0.93, 0.925, 0.94]
    assert standard_error(values) == pytest.approx(scipy.stats.sem(values), rel=1e-12)
    assert standard_error([0.9]) is None
