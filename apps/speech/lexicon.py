"""The words that a beam search knows, as a tree of their characters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np


class WordTree(NamedTuple):
    """Node 0 is the beginning of a word; -1 stands for outside the tree."""

    children: np.ndarray
    """int32 [nodes, characters]: the node that a character leads to, or -1."""
    ends: np.ndarray
    """bool [nodes]: whether a word ends here."""
    places: np.ndarray
    """int32 [nodes]: number of that word in the language model, that of <unk> elsewhere."""
    leaning: np.ndarray
    """float64 [nodes]: bonus (nats) of the hot word that goes on here, in proportion to what of it has been read."""
    bonus: np.ndarray
    """float64 [nodes]: bonus (nats) of the hot word that ends here."""


def word_tree(
    words: Iterable[str],
    characters: Sequence[str],
    places: Mapping[str, int],
    unknown: int,
    hot_words: Mapping[str, float],
) -> WordTree:
    """Returns the tree of words and hot words; a word with a character outside the inventory cannot be heard and is left out.

    Args:
        characters: the inventory, in the order of the classes.
        places: word -> number in the language model; unknown: the number of all others.
        hot_words: word -> bonus in nats.

    >>> tree = word_tree(["ab"], ["a", "b"], {"ab": 7}, 0, {})
    >>> tree.children.tolist(), tree.ends.tolist(), tree.places.tolist()
    ([[1, -1], [-1, 2], [-1, -1]], [False, False, True], [0, 0, 7])
    """
    classes = {character: label for label, character in enumerate(characters)}
    nodes: list[dict[int, int]] = [{}]
    ending: dict[int, str] = {}
    leaning: dict[int, float] = {}
    for word in dict.fromkeys([*words, *hot_words]):
        if not word or not all(character in classes for character in word):
            continue
        node, bonus = 0, hot_words.get(word, 0.0)
        for read, character in enumerate(word, 1):
            node = nodes[node].setdefault(classes[character], len(nodes))
            if node == len(nodes):
                nodes.append({})
            if bonus:
                leaning[node] = max(leaning.get(node, 0.0), bonus * read / len(word))
        ending[node] = word
    children = np.full((len(nodes), max(1, len(characters))), -1, np.int32)
    for node, below in enumerate(nodes):
        for label, child in below.items():
            children[node, label] = child
    found = range(len(nodes))
    return WordTree(
        children=children,
        ends=np.array([node in ending for node in found]),
        places=np.array([places.get(ending.get(node, ""), unknown) for node in found], np.int32),
        leaning=np.array([leaning.get(node, 0.0) for node in found]),
        bonus=np.array([hot_words.get(ending.get(node, ""), 0.0) for node in found]),
    )
