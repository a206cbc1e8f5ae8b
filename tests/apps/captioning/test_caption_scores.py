"""Scores against pycocoevalcap 1.2 (values written down from a run on these very strings) and against sacrebleu."""

import numpy as np
import pytest
import sacrebleu

from apps.captioning import caption_scores

HYPOTHESES = [
    "a dog runs across the green grass",
    "two men are playing football",
    "a child",
    "a man in a red shirt is riding a bicycle down a hill",
    "dog dog dog dog",
]
REFERENCES = [
    ["a brown dog runs through the grass", "a dog is running across a green field", "the dog runs"],
    ["two men play football on a field", "men playing football"],
    ["a small child is sitting on a swing", "a child on a swing", "a little girl swings"],
    [
        "a man rides a bicycle down a steep hill",
        "a man in a red shirt is riding a bicycle down a hill",
        "a cyclist races downhill",
    ],
    ["a black dog and a white dog play together", "two dogs are playing"],
]
# pycocoevalcap 1.2: Bleu(4), Rouge() and Cider() on the strings above, split at spaces.
BLEU = [0.9032258063933402, 0.7684859917546392, 0.6763140874280076, 0.6531291915651444]
ROUGE = [0.7142857142857143, 0.7854077253218884, 0.5304347826086957, 1.0, 0.28773584905660377]
CIDER = [1.847024966951748, 2.4105169359556973, 1.1260361252684103, 4.226834851585423, 0.21211885348269638]


def test_scores_equal_pycocoevalcap():
    statistics = caption_scores.bleu_statistics(HYPOTHESES, REFERENCES)
    np.testing.assert_allclose(caption_scores.bleu(statistics), BLEU, rtol=1e-12)
    np.testing.assert_allclose(caption_scores.rouge_l(HYPOTHESES, REFERENCES), ROUGE, rtol=1e-12)
    np.testing.assert_allclose(caption_scores.cider_d(HYPOTHESES, REFERENCES), CIDER, rtol=1e-12)


def test_bleu_equals_sacrebleu_with_equal_numbers_of_references():
    references = [group[:2] for group in REFERENCES]
    streams = [list(stream) for stream in zip(*references, strict=True)]
    expected = sacrebleu.corpus_bleu(HYPOTHESES, streams, tokenize="none", smooth_method="none", force=True)
    found = caption_scores.bleu(caption_scores.bleu_statistics(HYPOTHESES, references))
    assert found[3] == pytest.approx(expected.score / 100, abs=1e-8)


def test_brevity_penalty_by_hand():
    # 2 of 2 words right, the reference has 4: BLEU-1 = exp(1 - 4 / 2).
    statistics = caption_scores.bleu_statistics(["a dog"], [["a dog runs fast"]])
    assert caption_scores.bleu(statistics)[0] == pytest.approx(np.exp(-1), rel=1e-6)


def test_rouge_by_hand():
    # Longest common subsequence "a c d": precision 3/4, recall 3/5, F with beta 1.2.
    expected = (1 + 1.44) * 0.75 * 0.6 / (0.6 + 1.44 * 0.75)
    assert caption_scores.rouge_l(["a c x d"], [["a b c d e"]])[0] == pytest.approx(expected)


def test_the_same_caption_scores_ten_and_an_empty_one_nothing():
    references = [
        ["a red circle above a square here"],
        ["two men play football on grass"],
        ["the dog runs in snow now"],
    ]
    scores = caption_scores.cider_d([references[0][0], "", "the dog runs in snow now"], references)
    np.testing.assert_allclose(scores, [10, 0, 10], atol=1e-9)
    assert caption_scores.rouge_l([""], [["a dog"]])[0] == 0
    assert caption_scores.bleu(caption_scores.bleu_statistics([""], [["a dog"]]))[0] < 1e-6
