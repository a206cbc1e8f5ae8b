"""Prefix beam search over CTC log-probabilities with an n-gram language model, a lexicon and hot words.

What is searched is the text W with the highest  ln p(W | sound) + alpha ln p(W) + beta |W| + bonuses of hot words,  where p(W | sound)
is summed over all paths (Graves 2006), p(W) is the language model's and |W| the number of words. Compiled by numba, once.

Source: Hannun et al., "First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs" (2014),
algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numba
import numpy as np

from apps.speech.arpa import BEGIN, END, UNKNOWN
from apps.speech.language_model import SPACE, Histories, LanguageModel, advance
from apps.speech.lexicon import WordTree, word_tree

NONE, WORDS, CHARACTERS = 0, 1, 2
"""What the language model's tokens are."""
NO_HISTORIES = Histories(
    np.zeros(2, np.int64),
    np.zeros(0, np.int32),
    np.zeros(0, np.float64),
    np.zeros(0, np.int32),
    np.zeros(1),
    np.zeros(1, np.int32),
)


class Rules(NamedTuple):
    """Numbers that the compiled search goes by."""

    unit: int
    """NONE, WORDS or CHARACTERS."""
    space: int
    """Class of the space; -1: there is none, and everything is one word."""
    closed: bool
    """Whether only words of the tree may be heard."""
    first: int
    """The language model's state at the beginning."""
    end: int
    """Number of </s>."""
    unknown: int
    """Number of <unk>."""
    alpha: float
    beta: float
    unknown_penalty: float


@dataclass(frozen=True)
class Hypothesis:
    """A text that was heard."""

    labels: np.ndarray
    """int32 [characters]: its classes."""
    text: str
    """Single spaces, none at the ends."""
    score: float
    """What was searched by: log-probability, language model and bonuses, in nats."""
    log_probability: float
    """Of the text given the sound, over the paths inside the beam, in nats."""


@dataclass(frozen=True)
class BeamSearch:
    """A beam search made ready by `beam_search`."""

    characters: tuple[str, ...]
    width: int
    rules: Rules
    tree: WordTree
    histories: Histories
    character_places: np.ndarray
    """int32 [characters]: the language model's number of each class."""

    def weighted(self, alpha: float, beta: float) -> BeamSearch:
        """Returns the same search with other weights."""
        return replace(self, rules=self.rules._replace(alpha=float(alpha), beta=float(beta)))

    def __call__(self, log_probabilities: np.ndarray, best: int = 1) -> list[Hypothesis]:
        """Returns the best texts, at most `best` of them, the best first; never none.

        Args:
            log_probabilities: [frames, characters + 1] in nats, the blank last; padding frames cut off.

        Raises:
            ValueError: another shape, or NaN.
        """
        values = np.ascontiguousarray(log_probabilities, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.characters) + 1:
            raise ValueError(
                f"log-probabilities of shape {values.shape}, expected [frames, {len(self.characters) + 1}] with the blank last"
            )
        if np.isnan(values).any():
            raise ValueError("log-probabilities hold NaN; the model that gave them is broken")
        found = _search(values, self.width, self.rules, self.tree, self.histories, self.character_places)
        parents, classes, nodes, scores, acoustic = found
        hypotheses = []
        for node, score, log_probability in zip(nodes[:best], scores[:best], acoustic[:best], strict=True):
            labels = _labels(int(node), parents, classes)
            if score == -np.inf:  # a lexicon, and the sound ends within a word: what was whole before it
                labels = labels[: max(np.flatnonzero(labels == self.rules.space), default=0)]
            text = " ".join("".join(self.characters[label] for label in labels).split())
            hypotheses.append(Hypothesis(labels, text, float(score), float(log_probability)))
        return hypotheses


def beam_search(
    characters: Sequence[str],
    width: int,
    language_model: LanguageModel | None = None,
    alpha: float = 0.5,
    beta: float = 1.0,
    lexicon: Iterable[str] | None = None,
    hot_words: Mapping[str, float] | None = None,
    unknown_penalty: float = 10.0,
) -> BeamSearch:
    """Returns a search that is called with the log-probabilities of one utterance.

    Args:
        characters: the inventory in the order of the classes, the space among them; the blank follows.
        width: prefixes kept after each frame.
        alpha: weight of the language model's log-probability; beta: nats added for each word.
        lexicon: the only words that may be heard (beside hot words); None: any.
        hot_words: word -> nats added where it is heard; while it is being spelt, in proportion.
        unknown_penalty: nats taken for a word that neither the model of words nor hot_words know; without it, a row of short known
            words is often dearer than one long unknown word, since <unk> costs the same whatever its length.

    Raises:
        ValueError: a width below 1.

    >>> search = beam_search(["a", "b"], 8)
    >>> found = search(np.log([[0.4, 0.0001, 0.5999], [0.4, 0.0001, 0.5999]]))[0]
    >>> found.text, round(float(np.exp(found.log_probability)), 2)
    ('a', 0.64)
    """
    if width < 1:
        raise ValueError(f"a beam of {width} prefixes, expected at least 1")
    unit = {None: NONE, "word": WORDS, "character": CHARACTERS}[language_model and language_model.unit]
    places = language_model.places if language_model else {UNKNOWN: 0, END: 0}
    known = [word for word in places if word not in (BEGIN, END, UNKNOWN)] if unit == WORDS else []
    own = places if unit == WORDS else {}
    tree = word_tree(known if lexicon is None else lexicon, characters, own, places[UNKNOWN], hot_words or {})
    spelt = [places.get(SPACE if character == " " else character, places[UNKNOWN]) for character in characters]
    rules = Rules(
        unit=unit,
        space=characters.index(" ") if " " in characters else -1,
        closed=lexicon is not None,
        first=language_model.first if language_model else 0,
        end=places[END],
        unknown=places[UNKNOWN],
        alpha=float(alpha),
        beta=float(beta),
        unknown_penalty=float(unknown_penalty) if unit == WORDS else 0.0,
    )
    histories = language_model.histories if language_model else NO_HISTORIES
    return BeamSearch(tuple(characters), width, rules, tree, histories, np.array(spelt, np.int32))


def _labels(node: int, parents: np.ndarray, classes: np.ndarray) -> np.ndarray:
    labels = []
    while node:
        labels.append(classes[node])
        node = parents[node]
    return np.array(labels[::-1], np.int32)


@numba.njit(cache=True)
def _word_ends(word: int, state: int, rules: Rules, tree: WordTree, histories: Histories) -> tuple[bool, float, int]:
    """Returns whether the word that was spelt may stand, its score, and the language model's state behind it."""
    if word == 0:
        return not rules.closed, 0.0, state
    if rules.closed and not tree.ends[word]:
        return False, 0.0, state
    known = word > 0 and tree.ends[word]
    score = rules.beta + (tree.bonus[word] if known else -rules.unknown_penalty)
    if rules.unit == WORDS:
        place = tree.places[word] if word > 0 else rules.unknown
        gained, state = advance(histories, state, place)
        score += rules.alpha * gained
    return True, score, state


@numba.njit(cache=True)
def _extended(
    label: int,
    word: int,
    state: int,
    rules: Rules,
    tree: WordTree,
    histories: Histories,
    character_places: np.ndarray,
) -> tuple[bool, float, int, int]:
    """Returns whether a prefix may go on with a class, what its score gains, its word's node and its state then."""
    gained, allowed = 0.0, True
    if label == rules.space:
        allowed, gained, state = _word_ends(word, state, rules, tree, histories)
        word = 0
    else:
        word = tree.children[word, label] if word >= 0 else -1
        allowed = word >= 0 or not rules.closed
    if allowed and rules.unit == CHARACTERS:
        score, state = advance(histories, state, character_places[label])
        gained += rules.alpha * score
    return allowed, gained, word, state


@numba.njit(cache=True)
def _child(node: int, label: int, children: np.ndarray, siblings: np.ndarray, classes: np.ndarray) -> int:
    """Returns the prefix that continues another by a class, or -1 where none was kept yet."""
    child = children[node]
    while child >= 0 and classes[child] != label:
        child = siblings[child]
    return child


@numba.njit(cache=True)
def _search(
    values: np.ndarray,
    width: int,
    rules: Rules,
    tree: WordTree,
    histories: Histories,
    character_places: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns the tree of prefixes (parents, classes), and of those in the last beam: nodes, scores, log-probabilities."""
    frames, blank = values.shape[0], values.shape[1] - 1
    most = frames * width + 1  # prefixes that can ever be kept
    parents, classes = np.full(most, -1, np.int32), np.full(most, -1, np.int32)
    children, siblings = np.full(most, -1, np.int32), np.full(most, -1, np.int32)
    words, states = np.zeros(most, np.int32), np.zeros(most, np.int32)
    gains = np.zeros(most)
    states[0] = rules.first
    made = 1
    slots = np.full(most, -1, np.int32)  # prefix -> its place in the beam
    beam = np.zeros(1, np.int32)
    with_blank, without = np.zeros(1), np.full(1, -np.inf)
    room = width * (blank + 1)
    # a candidate: an old prefix (source -1) or a new one
    old, source, classed = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int32)
    next_word, next_state = np.zeros(room, np.int32), np.zeros(room, np.int32)
    next_gain, next_blank, next_without = np.zeros(room), np.zeros(room), np.zeros(room)
    for frame in range(frames):
        count = len(beam)
        for i in range(count):
            node = beam[i]
            slots[node] = i
            old[i], source[i] = node, -1
            next_word[i], next_gain[i] = words[node], gains[node]
            next_blank[i] = np.logaddexp(with_blank[i], without[i]) + values[frame, blank]
            next_without[i] = without[i] + values[frame, classes[node]] if node else -np.inf
        found = count
        for i in range(count):
            node = beam[i]
            both = np.logaddexp(with_blank[i], without[i])
            for label in range(blank):
                reached = (with_blank[i] if label == classes[node] else both) + values[frame, label]
                if reached == -np.inf:
                    continue
                child = _child(node, label, children, siblings, classes)
                if child >= 0 and slots[child] >= 0:
                    next_without[slots[child]] = np.logaddexp(next_without[slots[child]], reached)
                    continue
                allowed, gained, word, state = _extended(
                    label, words[node], states[node], rules, tree, histories, character_places
                )
                if not allowed:
                    continue
                old[found], source[found], classed[found] = child, node, label
                next_word[found], next_state[found] = word, state
                next_gain[found] = gains[node] + gained
                next_blank[found], next_without[found] = -np.inf, reached
                found += 1
        for i in range(count):
            slots[beam[i]] = -1
        ranks = np.empty(found)
        for i in range(found):
            leaning = tree.leaning[next_word[i]] if next_word[i] >= 0 else -rules.unknown_penalty
            ranks[i] = -(np.logaddexp(next_blank[i], next_without[i]) + next_gain[i] + leaning)
        kept = np.argsort(ranks, kind="mergesort")[:width]
        beam = np.empty(len(kept), np.int32)
        with_blank, without = next_blank[kept], next_without[kept]
        for place, i in enumerate(kept):
            node = old[i]
            if node < 0:
                node = made
                made += 1
                parents[node], classes[node] = source[i], classed[i]
                siblings[node], children[source[i]] = children[source[i]], node
                words[node], states[node], gains[node] = next_word[i], next_state[i], next_gain[i]
            beam[place] = node
    acoustic = np.empty(len(beam))
    scores = np.empty(len(beam))
    for i, node in enumerate(beam):
        acoustic[i] = np.logaddexp(with_blank[i], without[i])
        allowed, gained, state = _word_ends(words[node], states[node], rules, tree, histories)
        if words[node] == 0:
            allowed = True
        if rules.unit != NONE:
            gained += rules.alpha * advance(histories, state, rules.end)[0]
        scores[i] = acoustic[i] + gains[node] + gained if allowed else -np.inf
    order = np.argsort(-scores, kind="mergesort")
    return parents[:made], classes[:made], beam[order], scores[order], acoustic[order]
