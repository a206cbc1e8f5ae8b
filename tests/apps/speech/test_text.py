"""Transcripts as characters."""

from hypothesis import given
from hypothesis import strategies as st

from apps.speech import text


def test_normalised():
    assert text.normalised("RUBOUT  G M E\tF") == "rubout g m e f"
    assert text.normalised("It's  “well-known”, isn’t it?") == "it's well known isn't it"
    assert text.normalised("Cafe\u0301 ÀÉ") == "café àé"
    assert text.normalised("नमस्ते") == "नमस्ते"
    assert text.normalised(" .,!? ") == ""


@given(st.text())
def test_normalised_once_is_normalised_for_good(sentence):
    once = text.normalised(sentence)
    assert "  " not in once
    assert once == once.strip()
    assert text.normalised(once) == once


@given(st.lists(st.text(alphabet="abc' é"), min_size=1))
def test_labels_can_be_read_back(texts):
    characters = text.alphabet(texts)
    assert characters == sorted(set(characters))
    for sentence in texts:
        assert "".join(characters[label] for label in text.labels(sentence, characters)) == sentence
