"""The beam search against a sum over every path, and what language model, lexicon and hot words change."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from apps.speech import kneser_ney, language_model
from apps.speech.beam_search import beam_search
from apps.speech.lexicon import word_tree
from apps.speech.word_times import align, word_times

LETTERS = ["a", "b", " "]
WIDE = 2000


def sound(seed, frames=6, classes=4):
    logits = 2 * np.random.default_rng(seed).standard_normal((frames, classes))
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def collapsed(path, blank):
    return tuple(k for place, k in enumerate(path) if k != blank and (place == 0 or path[place - 1] != k))


def summed(values):
    """Log-probability of every label sequence, over all paths."""
    frames, classes = values.shape
    total = defaultdict(float)
    for path in itertools.product(range(classes), repeat=frames):
        total[collapsed(path, classes - 1)] += math.exp(sum(values[t, k] for t, k in enumerate(path)))
    return {labels: math.log(p) for labels, p in total.items()}


def model(unit, order=2):
    texts = ["ab a", "a b", "ab ab b", "b", "ab"]
    return language_model.build(kneser_ney.train([language_model.tokens(t, unit) for t in texts], order), unit)


def written(labels):
    return "".join(LETTERS[k] for k in labels)


@pytest.mark.parametrize("seed", range(6))
def test_without_language_model_it_is_the_sum_over_all_paths(seed):
    values = sound(seed)
    ranked = sorted(((p, labels) for labels, p in summed(values).items()), reverse=True)
    found = beam_search(LETTERS, WIDE, beta=0)(values, best=20)
    assert [tuple(h.labels) for h in found] == [labels for _, labels in ranked[:20]]
    assert [h.log_probability for h in found] == pytest.approx([p for p, _ in ranked[:20]])
    assert [h.score for h in found] == pytest.approx([h.log_probability for h in found])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("unit", "order"), [("word", 2), ("word", 1), ("character", 3)])
@pytest.mark.parametrize("penalty", [0.0, 1.5])
def test_with_language_model_it_is_the_best_of_all_texts(seed, unit, order, penalty):
    values, lm, alpha, beta = sound(seed), model(unit, order), 0.7, 0.4

    def total(labels, log_probability):
        text = written(labels)
        # a text in double spaces has empty words, which are no words; a model of characters sees them
        scored = lm.score(" ".join(text.split()) if unit == "word" else text)
        unknown = sum(word not in ("a", "b", "ab") for word in text.split()) if unit == "word" else 0
        return log_probability + alpha * math.log(10) * sum(scored) + beta * len(text.split()) - penalty * unknown

    ranked = sorted(((total(labels, p), labels) for labels, p in summed(values).items()), reverse=True)
    found = beam_search(LETTERS, WIDE, lm, alpha, beta, unknown_penalty=penalty)(values, best=10)
    assert [h.score for h in found] == pytest.approx([score for score, _ in ranked[:10]])
    assert tuple(found[0].labels) == ranked[0][1]


@pytest.mark.parametrize("seed", range(4))
def test_with_lexicon_it_is_the_best_of_its_texts(seed):
    values = sound(seed)
    texts = {
        labels: p
        for labels, p in summed(values).items()
        if not labels or set(written(labels).removesuffix(" ").split(" ")) <= {"ab", "b"}
    }
    best = max(texts, key=texts.get)
    found = beam_search(LETTERS, WIDE, beta=0, lexicon=["ab", "b", "ax"])(values)[0]
    assert tuple(found.labels) == best
    assert found.log_probability == pytest.approx(texts[best])


def spelt(path, sure=0.9, letters=LETTERS):
    """Frames that say one symbol each; "_" is the blank."""
    classes = [*letters, "_"]
    values = np.full((len(path), len(classes)), (1 - sure) / (len(classes) - 1))
    for frame, symbol in enumerate(path):
        values[frame, classes.index(symbol)] = sure
    return np.log(values)


def test_hot_words_change_the_answer():
    letters = list("acret ")
    values = spelt("c_a_re", 0.9, letters)
    values[3] = np.log([0.02, 0.02, 0.02, 0.02, 0.32, 0.02, 0.58])  # perhaps a t
    assert beam_search(letters, 8)(values)[0].text == "care"
    assert beam_search(letters, 8, hot_words={"catre": 3.0})(values)[0].text == "catre"
    cold = beam_search(letters, 8, hot_words={"tea": 3.0})(values)[0]
    assert (cold.text, cold.score) == ("care", pytest.approx(cold.log_probability + 1.0))  # beta alone


def test_the_bonus_of_a_hot_word_counts_once_for_each_time_it_is_heard():
    values = spelt("ab_ ab_ a")
    warm = beam_search(LETTERS, 50, beta=0, hot_words={"ab": 2.0})(values)[0]
    assert warm.text == "ab ab a"
    assert warm.score == pytest.approx(warm.log_probability + 4.0)


def test_a_narrow_beam_gives_no_more_than_a_wide_one():
    values = sound(11, 12)
    scores = [beam_search(LETTERS, width, model("word"))(values)[0].score for width in (1, 3, 10, WIDE)]
    assert scores == sorted(scores)


def test_a_prefix_that_comes_back_after_it_was_dropped_is_one_text():
    for seed in range(40):
        found = beam_search(LETTERS, 3, beta=0)(sound(seed, 14), best=3)
        assert len({tuple(h.labels) for h in found}) == len(found)


def test_a_lexicon_gives_whole_words_even_where_the_sound_ends_within_one():
    found = beam_search(LETTERS, 4, lexicon=["aba"])(spelt("a_b_a_ _b", 0.999))[0]
    assert found.text in ("aba", "")
    assert beam_search(LETTERS, 1, lexicon=["aba"])(spelt("aba a", 0.999))[0].text == "aba"


def test_weights_can_be_changed():
    values, search = sound(3), beam_search(LETTERS, WIDE, model("word"), 0.0, 0.0)
    direct = beam_search(LETTERS, WIDE, model("word"), 0.9, 2.0)(values)[0]
    assert search.weighted(0.9, 2.0)(values)[0].score == pytest.approx(direct.score)
    assert search(values)[0].score == pytest.approx(search(values)[0].log_probability)


def test_no_sound_no_space_and_bad_input():
    assert beam_search(LETTERS, 4, model("word"))(np.zeros((0, 4)))[0].text == ""
    assert beam_search(["a", "b"], 4)(spelt("aab", letters=["a", "b"]))[0].text == "ab"
    with pytest.raises(ValueError, match=r"shape \(3, 5\), expected \[frames, 4\]"):
        beam_search(LETTERS, 4)(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="NaN"):
        beam_search(LETTERS, 4)(np.full((3, 4), np.nan))
    with pytest.raises(ValueError, match="a beam of 0 prefixes"):
        beam_search(LETTERS, 0)


def test_word_tree_leaves_out_what_cannot_be_spelt():
    tree = word_tree(["ab", "ax"], ["a", "b"], {"ab": 5}, 1, {"ba": 3.0})
    assert tree.ends.sum() == 2
    assert sorted(tree.places[tree.ends].tolist()) == [1, 5]
    assert sorted(tree.leaning.tolist()) == [0, 0, 0, 1.5, 3]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("labels", [(0, 1), (0, 0), (1, 2, 0), (), (0, 1, 0, 1, 2, 1)])
def test_alignment_is_the_best_of_all_paths(seed, labels):
    values = sound(seed)
    paths = (p for p in itertools.product(range(4), repeat=6) if collapsed(p, 3) == labels)
    best = max(paths, key=lambda path: sum(values[t, k] for t, k in enumerate(path)))
    groups = [(k, len(list(own))) for k, own in itertools.groupby(best)]
    ends = np.cumsum([length for _, length in groups])
    expected = [(end - length, end) for (k, length), end in zip(groups, ends, strict=True) if k != 3]
    starts, stops = align(values, np.array(labels, np.int32))
    assert list(zip(starts, stops, strict=True)) == expected


def test_words_in_time():
    values = spelt("_aa_b__ _bb__")
    values[9] = np.log([0.1, 0.6, 0.1, 0.2])
    values[10] = np.log([0.1, 0.8, 0.05, 0.05])
    first, second = word_times(values, np.array([0, 1, 2, 1]), LETTERS, 0.04)
    assert (first.text, second.text) == ("ab", "b")
    assert (first.start, first.end) == pytest.approx((0.04, 0.20))
    assert (second.start, second.end) == pytest.approx((0.36, 0.44))
    assert first.confidence == pytest.approx(0.9)
    assert second.confidence == pytest.approx(0.8)


def test_a_text_too_long_for_its_frames():
    with pytest.raises(ValueError, match="3 characters need 4 frames, there are 3"):
        align(sound(0, 3), np.array([0, 0, 1], np.int32))
