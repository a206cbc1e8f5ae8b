"""BLEU-1 to BLEU-4, ROUGE-L and CIDEr-D of captions against several references each.

Equal to pycocoevalcap on equal tokens; a caption is a string of words joined by spaces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDERS = 4
SIGMA = 6.0
BETA = 1.2


def word_groups(caption: str, longest: int = ORDERS) -> Counter[tuple[str, ...]]:
    """Returns how often every run of one to `longest` words stands in a caption."""
    words = caption.split()
    return Counter(
        tuple(words[first : first + order])
        for order in range(1, longest + 1)
        for first in range(len(words) - order + 1)
    )


def bleu_statistics(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Returns what BLEU sums over pictures, int64 [pictures, 10].

    Columns: words of the hypothesis, words of the reference of the closest length (the shorter of two), then runs of
    1 to 4 words that stand in a reference (clipped), then runs of 1 to 4 words of the hypothesis.
    """
    rows = []
    for hypothesis, group in zip(hypotheses, references, strict=True):
        counts, most = word_groups(hypothesis), Counter()
        for reference in group:
            most |= word_groups(reference)
        length = len(hypothesis.split())
        closest = min((len(reference.split()) for reference in group), key=lambda other: (abs(other - length), other))
        right = [0] * ORDERS
        for words, count in counts.items():
            right[len(words) - 1] += min(count, most[words])
        rows.append([length, closest, *right, *(max(0, length - order) for order in range(ORDERS))])
    return np.array(rows, np.int64).reshape(-1, 2 + 2 * ORDERS)


def bleu(statistics: np.ndarray) -> np.ndarray:
    """Returns corpus BLEU-1 to BLEU-4 in 0..1, [4], of rows of `bleu_statistics`.

    Source: Papineni et al. 2002, with the closest reference length.
    """
    tiny, small = 1e-15, 1e-9
    total = statistics.sum(axis=0).astype(np.float64)
    precisions = (total[2 : 2 + ORDERS] + tiny) / (total[2 + ORDERS :] + small)
    scores = np.exp(np.cumsum(np.log(precisions)) / np.arange(1, ORDERS + 1))
    ratio = (total[0] + tiny) / (total[1] + small)
    return scores * np.exp(1 - 1 / ratio) if ratio < 1 else scores


def rouge_l(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Returns ROUGE-L of every picture in 0..1: F measure (beta 1.2) of the longest common subsequence.

    Precision and recall are each the best over the references, as pycocoevalcap takes them. Source: Lin 2004.
    """
    scores = []
    for hypothesis, group in zip(hypotheses, references, strict=True):
        words = hypothesis.split()
        common = [(_longest_common(words, reference.split()), len(reference.split())) for reference in group]
        precision = max((length / len(words) for length, _ in common), default=0.0) if words else 0.0
        recall = max((length / total for length, total in common if total), default=0.0)
        top, bottom = (1 + BETA**2) * precision * recall, recall + BETA**2 * precision
        scores.append(top / bottom if precision and recall else 0.0)
    return np.array(scores)


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, 1):
            above = lengths[column]
            lengths[column] = diagonal + 1 if word == other else max(above, lengths[column - 1])
            diagonal = above
    return lengths[-1]


class CiderD:
    """CIDEr-D against the references of a set of pictures, a picture's references being one document.

    The mean likeness, times ten, of TF-IDF vectors of runs of 1 to 4 words. Source: Vedantam, Zitnick and Parikh 2015,
    section 4.

    Args:
        references: of every picture, one or more captions each.
        counted: the first so many pictures tell how rare a run of words is; None: all.
    """

    def __init__(self, references: Sequence[Sequence[str]], counted: int | None = None) -> None:
        self.references = references
        counting = references[:counted]
        self.documents = Counter(words for group in counting for words in set().union(*map(word_groups, group)))
        self.pictures = np.log(float(len(counting)))
        self.vectors: dict[int, list[tuple]] = {}

    def score(self, picture: int, hypothesis: str) -> float:
        """Returns 0 to 10 for a caption of the picture of that number."""
        if picture not in self.vectors:
            group = self.references[picture]
            self.vectors[picture] = [_vector(reference, self.documents, self.pictures) for reference in group]
        own = _vector(hypothesis, self.documents, self.pictures)
        return 10.0 * float(np.mean([_likeness(own, other) for other in self.vectors[picture]]))


def cider_d(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Returns CIDEr-D of every picture (0..10), with the document frequencies of the references handed in."""
    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} captions for {len(references)} pictures")
    scorer = CiderD(references)
    return np.array([scorer.score(picture, hypothesis) for picture, hypothesis in enumerate(hypotheses)])


def _vector(caption: str, documents: Counter, pictures: float) -> tuple[list[dict], np.ndarray, int]:
    """TF-IDF of the runs of every order, the norm of each, and the length as pycocoevalcap takes it (pairs of words)."""
    weights: list[dict] = [{} for _ in range(ORDERS)]
    for words, count in word_groups(caption).items():
        weights[len(words) - 1][words] = count * (pictures - np.log(max(1.0, documents[words])))
    norms = np.array([np.sqrt(sum(value**2 for value in part.values())) for part in weights])
    return weights, norms, max(0, len(caption.split()) - 1)


def _likeness(hypothesis: tuple, reference: tuple) -> float:
    (own, own_norms, own_length), (other, other_norms, other_length) = hypothesis, reference
    dots = np.array(
        [
            sum(min(value, there[words]) * there[words] for words, value in here.items() if words in there)
            for here, there in zip(own, other, strict=True)
        ]
    )
    norms = own_norms * other_norms
    cosines = np.where(norms > 0, dots / np.where(norms > 0, norms, 1.0), dots)
    return float(np.mean(cosines) * np.exp(-((own_length - other_length) ** 2) / (2 * SIGMA**2)))
