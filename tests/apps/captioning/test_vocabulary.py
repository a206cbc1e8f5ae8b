import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.captioning.vocabulary import END, PADDING, SPECIAL, START, UNKNOWN, encode, make_vocabulary, tokenize


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man's dog , barking .", ("a", "man's", "dog", "barking")),
        ("Two T-shirts!", ("two", "t-shirts")),
        ("ein Mädchen, 2 Bälle", ("ein", "mädchen", "2", "bälle")),
        (" . ", ()),
    ],
)
def test_words_of_a_caption(caption, words):
    assert tokenize(caption) == words


@given(st.text(max_size=60))
def test_words_joined_by_spaces_are_the_same_words(text):
    words = tokenize(text)
    assert tokenize(" ".join(words)) == words


def test_vocabulary_is_by_count_then_alphabet_and_leaves_rare_words_out():
    captions = [["b", "a"], ["a", "c"], ["b", "a", "rare"], ["c"]]
    assert make_vocabulary(captions, least_count=2) == [*SPECIAL, "a", "b", "c"]


def test_numbers_start_end_unknown_and_cut():
    vocabulary = [*SPECIAL, "a", "dog"]
    encoded = encode([["a", "dog"], ["a", "cat", "a", "dog"], []], vocabulary, longest=3)
    np.testing.assert_array_equal(
        encoded,
        [[START, 4, 5, END, PADDING], [START, 4, UNKNOWN, 4, PADDING], [START, END, PADDING, PADDING, PADDING]],
    )
