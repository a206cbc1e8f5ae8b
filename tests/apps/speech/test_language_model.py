"""N-gram language models: numbers worked out by hand, sums to one, and files that are damaged."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.speech import kneser_ney, language_model
from apps.speech.arpa import format_arpa, parse_arpa, read_arpa
from datasets.errors import DataError

SENTENCES = [["a", "b"], ["a"]]
"""Too little text for its own discounts: 0.5, 1 and 1.5 are taken. Words before: a 1 (<s>), b 1 (a), </s> 2 (a, b)."""
BY_HAND = {
    ("a",): (0.5 + 2 * 0.25) / 4,
    ("b",): (0.5 + 2 * 0.25) / 4,
    ("</s>",): (1 + 2 * 0.25) / 4,
    ("<unk>",): 2 * 0.25 / 4,
    ("<s>", "a"): (1 + 1 * 0.25) / 2,
    ("a", "b"): (0.5 + 1 * 0.25) / 2,
    ("a", "</s>"): (0.5 + 1 * 0.375) / 2,
    ("b", "</s>"): 0.5 + 0.5 * 0.375,
}
ARPA = """
\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-1.5\t<unk>
-99\t<s>\t-0.25
-0.5\t</s>
-1\tgo\t-0.125
-2\tto

\\2-grams:
-0.75\t<s> go\t-0.0625
-0.375\tgo to
-0.875\tto </s>

\\3-grams:
-0.03125\t<s> go to

\\end\\
"""


def test_training_by_hand():
    tables = kneser_ney.train(SENTENCES, 2)
    for words, probability in BY_HAND.items():
        assert tables[len(words) - 1][words][0] == pytest.approx(math.log10(probability))
    for history in ("<s>", "a", "b"):
        assert tables[0][history,][1] == pytest.approx(math.log10(0.5))
    assert set(tables[0]) == {("<s>",), ("</s>",), ("<unk>",), ("a",), ("b",)}
    assert len(tables[1]) == 4


def test_a_sentence_scored_by_hand():
    model = language_model.build(kneser_ney.train(SENTENCES, 2), "word")
    assert [10**score for score in model.score("a")] == pytest.approx([0.625, 0.4375])
    assert [10**score for score in model.score("b")] == pytest.approx([0.5 * 0.25, 0.6875])
    assert [10**score for score in model.score("x b")] == pytest.approx([0.5 * 0.125, 0.25, 0.6875])
    assert model.perplexity(["a", "b"]) == pytest.approx((0.625 * 0.4375 * 0.125 * 0.6875) ** (-1 / 4))


def test_discounts_by_hand():
    counts = {(str(i),): count for i, count in enumerate([1] * 10 + [2] * 6 + [3] * 4 + [4] * 2 + [9])}
    share = 10 / (10 + 2 * 6)
    assert kneser_ney.discounts(counts) == pytest.approx(
        (1 - 2 * share * 0.6, 2 - 3 * share * 4 / 6, 3 - 4 * share / 2)
    )


def test_the_highest_order_counts_and_the_lower_ones_count_words_before():
    one, two, three = kneser_ney.adjusted_counts([list("abab"), list("cab"), list("abab")], 3)
    assert two["a", "b"] == 3  # behind <s>, b and c
    assert two["<s>", "a"] == 2  # nothing stands before <s>: counted as it occurs
    assert three["a", "b", "a"] == 2
    assert one == {("a",): 3, ("b",): 1, ("c",): 1, ("</s>",): 1}


sentences = st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(sentences, st.integers(1, 4))
def test_every_history_gives_probabilities_that_sum_to_one(texts, order):
    model = language_model.build(kneser_ney.train(texts, order), "word")
    words = [place for word, place in model.places.items() if word != "<s>"]
    for state in range(len(model.histories.weights)):
        total = sum(math.exp(language_model.advance(model.histories, state, word)[0]) for word in words)
        assert total == pytest.approx(1, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(sentences, st.integers(1, 4))
def test_a_file_holds_the_model(texts, order):
    tables = kneser_ney.train(texts, order)
    again = parse_arpa(format_arpa(tables), "x")
    assert [sorted(table) for table in again] == [sorted(table) for table in tables]
    for table, other in zip(tables, again, strict=True):
        for words, values in table.items():
            assert other[words] == pytest.approx(values, rel=1e-6)


def direct(tables, history, word):
    """Back-off as the format defines it, without an automaton."""
    for start in range(len(history) + 1):
        known = (
            tables[len(history) - start].get((*history[start:], word)) if len(history) - start < len(tables) else None
        )
        if known:
            weights = [tables[len(history) - i - 1].get(history[i:], (0, 0))[1] for i in range(start)]
            return known[0] + sum(weights)
    raise KeyError(word)


def test_the_automaton_backs_off_as_the_format_defines_it():
    tables = kneser_ney.train([list("abcab"), list("cab"), list("bbac"), list("abd")], 3)
    model = language_model.build(tables, "character")
    for letters in itertools.product("abcd", repeat=4):
        tokens = ("<s>", *letters, "</s>")
        expected = [direct(tables, tokens[max(0, i - 2) : i], tokens[i]) for i in range(1, len(tokens))]
        assert model.score("".join(letters)) == pytest.approx(expected)


def test_a_file_by_hand(tmp_path):
    (tmp_path / "lm.arpa").write_text(ARPA)
    model = language_model.build(read_arpa(tmp_path / "lm.arpa"), "word")
    assert model.order == 3
    assert model.score("go to") == pytest.approx([-0.75, -0.03125, -0.875])
    assert model.score("go go") == pytest.approx([-0.75, -0.0625 - 0.125 - 1, -0.125 - 0.5])
    assert model.score("never") == pytest.approx([-0.25 - 1.5, -0.5])


def test_an_n_gram_whose_beginning_was_pruned():
    pruned = ARPA.replace("-0.75\t<s> go\t-0.0625\n", "").replace("ngram 2=3", "ngram 2=2")
    model = language_model.build(parse_arpa(pruned, "x"), "word")
    assert model.score("go to") == pytest.approx([-0.25 - 1, -0.03125, -0.875])


def test_a_file_without_unknown_words():
    model = language_model.build(parse_arpa(ARPA.replace("<unk>", "else"), "x"), "word")
    assert model.score("never")[0] == pytest.approx(-0.25 - 100)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\", "", r"lm.arpa: no line \data\; expected an ARPA language model"),
        ("ngram 2=3", "ngram 3=3", "lm.arpa line 4: expected “ngram 2=COUNT”, found “ngram 3=3”"),
        ("ngram 2=3", "ngram 2=4", "lm.arpa: 3 2-grams, its head announces 4; get the whole file"),
        ("\\end\\", "", "lm.arpa: ends within its 3-grams, expected \\end\\; get the whole file"),
        (ARPA[ARPA.index("\\1-") :], "", "lm.arpa: ends within its head; get the whole file"),
        (
            "-0.375\tgo to",
            "-0.375\tgo",
            "lm.arpa line 16: expected a log10 probability, 2 words and, if any, a back-off",
        ),
        ("-0.375\tgo to", "-0.3x75\tgo to", "lm.arpa line 16: “-0.3x75” is not a number, or not 2 words"),
        ("-0.375\tgo to", "0.375\tgo to", "lm.arpa line 16: log10 probability 0.375 and back-off 0, expected finite"),
        ("-0.375\tgo to", "-0.375\tgo too", "lm.arpa line 16: “go too”: too is not among the 1-grams"),
        ("-0.375\tgo to", "-0.375\tto </s>", "lm.arpa line 17: “to </s>”: stands there twice"),
        ("\\3-grams:", "\\4-grams:", "lm.arpa line 19: expected a log10 probability, 2 words"),
    ],
)
def test_damaged_files_are_answered_in_one_sentence(tmp_path, old, new, message):
    assert old in ARPA
    (tmp_path / "lm.arpa").write_text(ARPA.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_arpa(tmp_path / "lm.arpa")
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "lm.binary").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\x00\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8 text, expected an ARPA language model"):
        read_arpa(tmp_path / "lm.binary")


def test_a_file_without_sentence_boundaries():
    text = "\\data\\\nngram 1=1\n\n\\1-grams:\n-0.5\tgo\n\n\\end\\\n"
    with pytest.raises(DataError, match="<s> and </s> not among its 1-grams"):
        parse_arpa(text, "lm.arpa")


@pytest.mark.parametrize("texts", [[], [["<s>"]], [["a b"]]])
def test_nothing_to_train_on(texts):
    with pytest.raises(ValueError, match=r"0 sentences|cannot stand in an ARPA file"):
        kneser_ney.train(texts, 2)


def test_units():
    assert language_model.tokens("go to", "word") == ["go", "to"]
    with pytest.raises(ValueError, match="expected word or character"):
        language_model.tokens("go to", "letter")
