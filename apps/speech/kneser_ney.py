"""Training of n-gram language models from transcripts: interpolated modified Kneser-Ney smoothing.

Source: Chen & Goodman, "An empirical study of smoothing techniques for language modeling" (1998), section 3; the treatment of
sentence starts and of unknown words is KenLM's (Heafield et al., "Scalable modified Kneser-Ney language model estimation", 2013).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from apps.speech.arpa import BEGIN, END, UNKNOWN, Table

Counts = dict[tuple[str, ...], int]

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of n-grams seen once, twice, and more often, where there is too little text to estimate them (KenLM's values)."""
NEVER = -99.0
"""log10 probability of <s>, which begins sentences and is never predicted."""


def train(sentences: Sequence[Sequence[str]], order: int) -> list[Table]:
    """Returns the tables of order 1 to `order` (fewer, if no sentence is long enough).

    Args:
        sentences: tokens (words or characters) of each sentence, without <s> and </s>.

    Raises:
        ValueError: no sentence, an order below 1, or a token that ARPA files keep for themselves.
    """
    if not sentences or order < 1:
        raise ValueError(f"{len(sentences)} sentences and order {order}, expected at least one of each")
    for token in {token for sentence in sentences for token in sentence}:
        if token in (BEGIN, END, UNKNOWN) or not token or any(character.isspace() for character in token):
            raise ValueError(f"the token {token!r} cannot stand in an ARPA file")
    adjusted = adjusted_counts(sentences, order)
    tables: list[Table] = []
    for counts in adjusted:
        tables.append(_interpolated(counts, tables))
    return tables


def adjusted_counts(sentences: Sequence[Sequence[str]], order: int) -> list[Counts]:
    """Returns, for each order, how often an n-gram occurs (highest order, or behind <s>), else the number of words seen before it."""
    padded = [(BEGIN, *sentence, END) for sentence in sentences]
    order = min(order, max(len(sentence) for sentence in padded))
    raw = [
        Counter(tokens[i : i + n] for tokens in padded for i in range(len(tokens) - n + 1)) for n in range(1, order + 1)
    ]
    adjusted: list[Counts] = []
    for n, counts in enumerate(raw, 1):
        if n < order:
            before = Counter(words[1:] for words in raw[n])
            counts = {words: counts[words] if words[0] == BEGIN else before[words] for words in counts}
        adjusted.append(dict(counts))
    del adjusted[0][BEGIN,]
    return adjusted


def discounts(counts: Counts) -> tuple[float, float, float]:
    """Returns what is taken from counts of 1, of 2, and of 3 and more (Chen & Goodman, equation 26)."""
    seen = Counter(counts.values())
    if not all(seen[k] for k in (1, 2, 3, 4)):
        return FALLBACK
    share = seen[1] / (seen[1] + 2 * seen[2])
    found = tuple(k - (k + 1) * share * seen[k + 1] / seen[k] for k in (1, 2, 3))
    return found if all(0 <= value <= k for k, value in enumerate(found, 1)) else FALLBACK


def _interpolated(counts: Counts, lower: list[Table]) -> Table:
    """Returns the table of one order, and writes the back-off weights of its histories into the table below."""
    taken = discounts(counts)
    totals: dict[tuple[str, ...], int] = defaultdict(int)
    kept_back: dict[tuple[str, ...], float] = defaultdict(float)
    for words, count in counts.items():
        totals[words[:-1]] += count
        kept_back[words[:-1]] += taken[min(count, 3) - 1]
    table: Table = {}
    for words, count in counts.items():
        history = words[:-1]
        below = 10 ** lower[-1][words[1:]][0] if lower else 1 / (len(counts) + 1)
        own = count - taken[min(count, 3) - 1]
        table[words] = math.log10((own + kept_back[history] * below) / totals[history]), 0.0
    weights = {history: math.log10(kept / totals[history]) for history, kept in kept_back.items()}
    if not lower:
        table[UNKNOWN,] = weights[()] - math.log10(len(counts) + 1), 0.0
        table[BEGIN,] = NEVER, 0.0
        return table
    for history, weight in weights.items():
        lower[-1][history] = lower[-1][history][0], weight
    return table
