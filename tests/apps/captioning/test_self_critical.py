"""What the self-critical phase rewards."""

import numpy as np

from apps.captioning import caption_scores
from apps.captioning.self_critical import cider_reward
from apps.captioning.vocabulary import PADDING, SPECIAL

VOCABULARY = [*SPECIAL, "a", "dog", "cat", "runs", "sleeps"]
TRAIN = [["a dog runs", "dog runs"], ["a cat sleeps", "a cat"], ["a dog sleeps"]]
VALIDATION = [["a cat runs"]]


def numbers(*captions):
    rows = [[VOCABULARY.index(word) for word in caption.split()] for caption in captions]
    return np.array([row + [PADDING] * (6 - len(row)) for row in rows], np.int32)


def test_reward_is_cider_d_with_the_end_as_a_word():
    reward = cider_reward(TRAIN, VALIDATION, VOCABULARY)
    drawn = ["a dog <end>", "a cat sleeps <end>", "dog dog dog dog dog"]
    found = reward(np.array([0, 1, 2]), numbers(*drawn))
    ended = [[f"{caption} <end>" for caption in group] for group in TRAIN]
    np.testing.assert_allclose(found, caption_scores.cider_d(drawn, ended), rtol=1e-6)


def test_a_caption_that_ends_is_worth_more_than_one_that_breaks_off():
    reward = cider_reward(TRAIN, VALIDATION, VOCABULARY)
    whole, broken = reward(np.array([3, 3]), numbers("a cat runs <end>", "a cat runs"))
    assert whole > broken > 0
