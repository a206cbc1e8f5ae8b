"""The beam search and the language model against flashlight-text's decoders and the KenLM inside its wheel (requirements-eval.txt)."""

import math
from collections import defaultdict
from itertools import groupby

import numpy as np
import pytest

from apps.speech import kneser_ney, language_model
from apps.speech.arpa import format_arpa, parse_arpa
from apps.speech.beam_search import beam_search

decoder = pytest.importorskip("flashlight.lib.text.decoder", reason="requirements-eval.txt is not installed")
from flashlight.lib.text.decoder.kenlm import KenLM  # noqa: E402
from flashlight.lib.text.dictionary import Dictionary  # noqa: E402

SENTENCES = ["ab ba", "ba ab ab", "bab ab", "ab", "ba bab ba", "ab ba ab", "bab"]
LETTERS = ["a", "b", " "]
TOKENS = ["a", "b", "|", "_"]
SPACE, BLANK = 2, 3
UNKNOWN_WORDS_NEVER = 1e4


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Unit -> (ARPA file, our model of it)."""
    folder, found = tmp_path_factory.mktemp("arpa"), {}
    for unit in ("word", "character"):
        arpa = format_arpa(kneser_ney.train([language_model.tokens(text, unit) for text in SENTENCES], 3))
        file = folder / f"{unit}.arpa"
        file.write_text(arpa)
        found[unit] = str(file), language_model.build(parse_arpa(arpa, file.name), unit)
    return found


def sound(seed, frames):
    logits = 2 * np.random.default_rng(seed).standard_normal((frames, 4))
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)


def decoded(flashlight, values):
    return flashlight.decode(np.ascontiguousarray(values).ctypes.data, *values.shape)


def without_lexicon(lm, weight, width):
    options = decoder.LexiconFreeDecoderOptions(
        beam_size=width, beam_size_token=4, beam_threshold=1e3, lm_weight=weight, sil_score=0.0, log_add=True,
        criterion_type=decoder.CriterionType.CTC,
    )  # fmt: skip
    # the token before the first frame is the "silence": as the blank it swallows no space there
    return decoder.LexiconFreeDecoder(options, lm, BLANK, BLANK, [])


def texts(results):
    """Text, with its spaces, -> score."""
    return {
        "".join(LETTERS[token] for token, _ in groupby(result.tokens) if token != BLANK): result.score
        for result in results
    }


def assert_same_best(ours, theirs, count):
    best = sorted(theirs, key=theirs.get, reverse=True)[:count]
    assert list(ours)[:count] == best
    assert [ours[text] for text in best] == pytest.approx([theirs[text] for text in best], abs=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_prefix_search_finds_the_same_texts(seed):
    values = sound(seed, 12)
    theirs = texts(decoded(without_lexicon(decoder.ZeroLM(), 0.0, 4000), values))
    found = beam_search(LETTERS, 2000, beta=0)(values, best=10)
    assert_same_best({"".join(LETTERS[k] for k in h.labels): h.score for h in found}, theirs, 10)


@pytest.mark.parametrize("seed", range(5))
def test_search_with_a_model_of_characters_finds_the_same_texts(models, seed):
    values, alpha = sound(seed, 12), 0.8
    file, lm = models["character"]
    theirs = texts(decoded(without_lexicon(KenLM(file, Dictionary(TOKENS)), alpha * math.log(10), 4000), values))
    found = beam_search(LETTERS, 2000, lm, alpha, beta=0)(values, best=10)
    assert_same_best({"".join(LETTERS[k] for k in h.labels): h.score for h in found}, theirs, 10)


def with_lexicon(words, characters, file, alpha, beta, width):
    """Each word ends in a space, as flashlight's lexica are written."""
    dictionary = Dictionary([*words, "<unk>"])
    lm, trie = KenLM(file, dictionary), decoder.Trie(len(characters) + 1, characters.index(" "))
    for word in words:
        place = dictionary.get_index(word)
        _, score = lm.score(lm.start(False), place)
        trie.insert([characters.index(letter) for letter in f"{word} "], place, score)
    trie.smear(decoder.SmearingMode.MAX)
    options = decoder.LexiconDecoderOptions(
        beam_size=width, beam_size_token=len(characters) + 1, beam_threshold=1e3, lm_weight=alpha * math.log(10),
        word_score=beta, unk_score=-math.inf, sil_score=0.0, log_add=True, criterion_type=decoder.CriterionType.CTC,
    )  # fmt: skip
    return dictionary, decoder.LexiconDecoder(
        options, trie, lm, characters.index(" "), len(characters), dictionary.get_index("<unk>"), [], False
    )


def ending_in_a_space(values, space):
    """Adds a frame that is a space: flashlight's words end in one."""
    last = np.full((1, values.shape[1]), -60.0, np.float32)
    last[0, space] = 0.0
    return np.concatenate([values, last])


def read(dictionary, result):
    return " ".join(dictionary.get_entry(word) for word in result.words if word >= 0)


@pytest.mark.parametrize("seed", range(5))
def test_search_with_lexicon_and_a_model_of_words_finds_the_same_texts(models, seed):
    values, alpha, beta = ending_in_a_space(sound(seed, 9), SPACE), 0.7, 0.4
    file, lm = models["word"]
    dictionary, flashlight = with_lexicon(["ab", "ba", "bab"], LETTERS, file, alpha, beta, 4000)
    theirs = {}
    for result in decoded(flashlight, values):
        theirs.setdefault(read(dictionary, result), result.score)
    # flashlight takes any number of spaces between words for one: ours are added up, which the open search tells apart
    search = beam_search(LETTERS, 4000, lm, alpha, beta, unknown_penalty=UNKNOWN_WORDS_NEVER)
    ours = defaultdict(lambda: -math.inf)
    for hypothesis in search(values, best=4000):
        ours[hypothesis.text] = np.logaddexp(ours[hypothesis.text], hypothesis.score)
    assert_same_best(dict(sorted(ours.items(), key=lambda item: -item[1])), theirs, 5)


def said(generator, lexicon, characters):
    """Three words, and posteriors like those of a CTC model that is not sure of its letters, but knows where a word ends."""
    words = [lexicon[place] for place in generator.integers(len(lexicon), size=3)]
    path, space = [len(characters)], characters.index(" ")
    for character in " ".join(words):
        path += [characters.index(character)] * generator.integers(1, 3) + [len(characters)] * generator.integers(1, 4)
    logits = generator.standard_normal((len(path), len(characters) + 1))
    logits[:, space] -= 6.0
    logits[np.arange(len(path)), path] += np.where(np.array(path) == space, 9.0, 3.0)
    values = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)
    return words, ending_in_a_space(values, space)


def test_the_usual_search_hears_the_same_words(tmp_path):
    generator, characters = np.random.default_rng(0), list("abcdefghij ")
    lexicon = sorted({"".join(generator.choice(characters[:-1], n)) for n in generator.integers(2, 6, 120)})
    sentences = [[str(word) for word in generator.choice(lexicon, 5)] for _ in range(200)]
    arpa = format_arpa(kneser_ney.train(sentences, 2))
    (tmp_path / "words.arpa").write_text(arpa)
    dictionary, flashlight = with_lexicon(lexicon, characters, str(tmp_path / "words.arpa"), 0.5, 1.0, 400)
    lm = language_model.build(parse_arpa(arpa, "words.arpa"), "word")
    search = beam_search(characters, 200, lm, 0.5, 1.0, lexicon=lexicon)
    right = 0
    for _ in range(30):
        words, values = said(generator, lexicon, characters)
        ours, theirs = search(values)[0], decoded(flashlight, values)[0]
        assert ours.text == read(dictionary, theirs)
        assert ours.score == pytest.approx(theirs.score, abs=0.1)  # theirs holds double spaces as well
        right += ours.text == " ".join(words)
    assert 15 <= right < 30  # neither hopeless nor easy


def test_kenlm_reads_the_model_and_gives_the_same_probabilities(models):
    file, lm = models["word"]
    dictionary = Dictionary(["ab", "ba", "bab", "aaa"])
    theirs = KenLM(file, dictionary)
    for sentence in [*SENTENCES, "ab aaa ba", "aaa", "bab bab bab bab"]:
        state, scores = theirs.start(False), []
        for word in sentence.split():
            state, score = theirs.score(state, dictionary.get_index(word))
            scores.append(score)
        _, end = theirs.finish(state)
        assert lm.score(sentence) == pytest.approx([*scores, end], abs=1e-4)
