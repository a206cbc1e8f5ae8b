"""N-gram language models of words or of characters, as arrays that compiled code walks through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from apps.speech.arpa import BEGIN, END, UNKNOWN, Table

SPACE = "|"
"""Stands for the space in models of characters; normalised transcripts never hold it."""
NO_UNKNOWN = -100.0
"""log10 probability of a word that a model without <unk> does not know (as KenLM has it)."""


class Histories(NamedTuple):
    """A back-off model as an automaton: its states are histories, state 0 the empty one; probabilities in nats."""

    starts: np.ndarray
    """int64 [states + 1]: where the words known after each history begin in the next three arrays."""
    words: np.ndarray
    """int32 [n-grams], rising within a history."""
    scores: np.ndarray
    """float64 [n-grams]: log-probability of the word after the history."""
    following: np.ndarray
    """int32 [n-grams]: the history then."""
    weights: np.ndarray
    """float64 [states]: log back-off weight."""
    shorter: np.ndarray
    """int32 [states]: the history without its first word(s), the longest that is a state."""


@dataclass(frozen=True)
class LanguageModel:
    """A back-off n-gram model; a token's place in `places` is its number in `histories`."""

    unit: str
    """"word" or "character"."""
    order: int
    places: dict[str, int]
    histories: Histories
    first: int
    """The state at the beginning of a sentence."""

    def tokens(self, sentence: str) -> list[str]:
        """Returns the words, or the characters with | for the space, of a normalised transcript."""
        return tokens(sentence, self.unit)

    def place(self, token: str) -> int:
        """Returns a token's number, that of <unk> where the model does not know it."""
        return self.places.get(token, self.places[UNKNOWN])

    def score(self, sentence: str) -> list[float]:
        """Returns the log10 probabilities of a sentence's tokens and of its end, in order."""
        state, scores = self.first, []
        for token in (*self.tokens(sentence), END):
            score, state = advance(self.histories, state, self.place(token))
            scores.append(score / math.log(10))
        return scores

    def perplexity(self, sentences: Sequence[str]) -> float:
        """Returns the perplexity over tokens and sentence ends, unknown tokens included (KenLM's definition)."""
        scores = [score for sentence in sentences for score in self.score(sentence)]
        return 10 ** (-math.fsum(scores) / len(scores))


def tokens(sentence: str, unit: str) -> list[str]:
    """Returns the tokens of a normalised transcript.

    >>> tokens("go to", "character")
    ['g', 'o', '|', 't', 'o']

    Raises:
        ValueError: another unit than "word" and "character".
    """
    if unit == "word":
        return sentence.split()
    if unit == "character":
        return list(sentence.replace(" ", SPACE))
    raise ValueError(f"unit {unit!r} of a language model, expected word or character")


def build(tables: list[Table], unit: str) -> LanguageModel:
    """Returns the automaton of back-off tables.

    N-grams whose beginning has no entry of its own (pruned files) get that entry with the probability that backing off gives.
    """
    tables = _complete(tables)
    places = {words[0]: place for place, words in enumerate(tables[0])}
    states = {(): 0}
    for table in tables[:-1]:
        for words in table:
            if words[-1] != END:
                states[words] = len(states)
    arcs: list[list[tuple[int, float, int]]] = [[] for _ in states]
    for table in tables:
        for words, (probability, _) in table.items():
            following = _longest(words, states)
            arcs[states[words[:-1]]].append((places[words[-1]], probability * math.log(10), following))
    flat = [arc for own in arcs for arc in sorted(own)]
    weights = [tables[len(h) - 1][h][1] * math.log(10) if h else 0.0 for h in states]
    histories = Histories(
        starts=np.cumsum([0, *map(len, arcs)]),
        words=np.array([word for word, _, _ in flat], np.int32),
        scores=np.array([score for _, score, _ in flat], np.float64),
        following=np.array([state for _, _, state in flat], np.int32),
        weights=np.array(weights, np.float64),
        shorter=np.array([_longest(h[1:], states) for h in states], np.int32),
    )
    return LanguageModel(unit, len(tables), places, histories, _longest((BEGIN,), states))


def _longest(words: tuple[str, ...], states: dict[tuple[str, ...], int]) -> int:
    """Returns the state of the longest ending of `words` that is one."""
    while words not in states:
        words = words[1:]
    return states[words]


def _complete(tables: list[Table]) -> list[Table]:
    """Returns the tables with <unk>, and with an entry for the beginning of every n-gram."""
    tables = [dict(table) for table in tables]
    tables[0].setdefault((UNKNOWN,), (NO_UNKNOWN, 0.0))
    for order in range(len(tables), 2, -1):
        for words in tables[order - 1]:
            tables[order - 2].setdefault(words[:-1], (math.nan, 0.0))
    for table in tables[1:]:
        for words, (probability, weight) in table.items():
            if math.isnan(probability):
                table[words] = _backed_off(tables, words), weight
    return tables


def _backed_off(tables: list[Table], words: tuple[str, ...]) -> float:
    found = tables[len(words) - 1].get(words, (math.nan, 0.0))[0]
    if not math.isnan(found):
        return found
    weight = tables[len(words) - 2].get(words[:-1], (0.0, 0.0))[1]
    return weight + _backed_off(tables, words[1:])


@numba.njit(cache=True)
def advance(histories: Histories, state: int, word: int) -> tuple[float, int]:
    """Returns the log-probability (nats) of a word after a history, and the history then."""
    backed_off = 0.0
    while True:
        low, high = histories.starts[state], histories.starts[state + 1]
        end = high
        while low < high:
            middle = (low + high) // 2
            if histories.words[middle] < word:
                low = middle + 1
            else:
                high = middle
        if low < end and histories.words[low] == word:
            return backed_off + histories.scores[low], histories.following[low]
        backed_off += histories.weights[state]
        state = histories.shorter[state]
