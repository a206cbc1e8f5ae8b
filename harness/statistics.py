"""Intervals and tests over examples: how sure a measured figure is. Free of TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Interval = tuple[float, float]
"""Lower and upper bound of a 95 % confidence interval."""

NORMAL_QUANTILE = 1.959963984540054
"""Of the standard normal distribution at 0.975."""


def wilson(successes: int, count: int) -> Interval:
    """Returns the Wilson score interval of a proportion (Wilson 1927), which stays inside [0, 1].

    Raises:
        ValueError: no examples, or more successes than examples.
    """
    if count < 1 or not 0 <= successes <= count:
        raise ValueError(f"expected 0 <= successes <= count and count >= 1, received {successes} of {count}")
    share, square = successes / count, NORMAL_QUANTILE**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_QUANTILE / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    # Exact at the ends, where rounding would leave 1e-17 or 1 - 1e-16.
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == count else centre + half)


def bootstrap(
    values: Any,
    statistic: Callable[[np.ndarray], float] = np.mean,
    groups: Sequence[Any] | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Interval:
    """Returns the percentile bootstrap interval of a statistic of per-example values (Efron 1979).

    Args:
        values: [examples, ...].
        statistic: resampled values [examples, ...] -> number.
        groups: [examples], e.g. the subject or speaker of each; whole groups are drawn then, since examples of one group
            are not independent.
    """
    values = np.asarray(values)
    return bootstrap_corpus(len(values), lambda indices: statistic(values[indices]), groups, seed, draws)


def bootstrap_ratio(
    numerators: Any,
    denominators: Any,
    groups: Sequence[Any] | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Interval:
    """Returns the bootstrap interval of sum(numerators) / sum(denominators), e.g. of word errors over reference words.

    Args:
        numerators, denominators: [examples].
    """
    numerators, denominators = np.asarray(numerators, float), np.asarray(denominators, float)
    if numerators.shape != denominators.shape:
        raise ValueError(f"{numerators.shape} numerators, {denominators.shape} denominators")
    pairs = np.stack([numerators, denominators], axis=1)

    def ratio(drawn: np.ndarray) -> float:
        top, bottom = drawn.sum(axis=0)
        return top / bottom if bottom else np.nan

    return bootstrap(pairs, ratio, groups, seed, draws)


def bootstrap_corpus(
    count: int,
    statistic_of_indices: Callable[[np.ndarray], float],
    groups: Sequence[Any] | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Interval:
    """Returns the bootstrap interval of a score of a whole corpus, such as BLEU.

    Args:
        count: number of examples.
        statistic_of_indices: drawn example indices int64 [drawn], with repetitions -> number. Draws for which it is not
            finite (a class or a denominator that was not drawn) are left out.

    Raises:
        ValueError: no examples, or the statistic is not finite for half of the draws.
    """
    if count < 1:
        raise ValueError("an interval needs at least one example")
    draw = _drawing(count, groups, np.random.default_rng(seed))
    scores = np.array([statistic_of_indices(draw()) for _ in range(draws)], float)
    finite = scores[np.isfinite(scores)]
    if len(finite) * 2 < draws:
        raise ValueError(f"the statistic is not finite for {draws - len(finite)} of {draws} bootstrap draws")
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def _drawing(count: int, groups: Sequence[Any] | None, generator: np.random.Generator) -> Callable[[], np.ndarray]:
    if groups is None:
        return lambda: generator.integers(count, size=count)
    groups = np.asarray(groups)
    if groups.shape != (count,):
        raise ValueError(f"expected the group of each of {count} examples, received an array of shape {groups.shape}")
    _, codes = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return lambda: np.concatenate([members[g] for g in generator.integers(len(members), size=len(members))])


def paired_permutation_test(
    first: Any, second: Any, groups: Sequence[Any] | None = None, seed: int = 0, draws: int = 10_000
) -> float:
    """Returns the two-sided p value of "two systems, measured on the same examples, have the same mean".

    Under it each example's difference could as well have the other sign (Fisher 1935). All sign patterns are tried where
    there are no more than `draws`, otherwise that many are drawn.

    Args:
        first, second: [examples], e.g. 1 where the system was right.
        groups: [examples]; whole groups change sign then.
    """
    differences = np.asarray(first, float) - np.asarray(second, float)
    if differences.ndim != 1 or len(differences) < 1:
        raise ValueError(f"expected two arrays [examples], received differences of shape {differences.shape}")
    if groups is not None:
        _, codes = np.unique(np.asarray(groups), return_inverse=True)
        differences = np.bincount(codes, weights=differences)
    differences = differences[differences != 0]
    observed, count = abs(differences.sum()), len(differences)
    # Sums in another order differ in the last bits; an equal pattern must count as one.
    least = observed * (1 - 1e-12) - 1e-300
    if 2**count <= draws:
        patterns = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ differences) >= least))
    generator = np.random.default_rng(seed)
    reached = sum(abs(differences @ (1 - 2 * generator.integers(2, size=count))) >= least for _ in range(draws))
    return (reached + 1) / (draws + 1)


def standard_error(values: Sequence[float]) -> float | None:
    """Returns the standard error of the mean, over seeds for instance; None for a single value."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
