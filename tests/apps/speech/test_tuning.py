"""The language model of a run: what it is trained on, how its weights are chosen, and what a person's damaged files are answered."""

import json
import math

import numpy as np
import pytest
import soundfile

from apps.speech import serve, tuning
from apps.speech.config import Config, DecodingConfig
from apps.speech.data import Utterances
from apps.speech.decoding import Heard
from datasets.errors import DataError
from harness.app import Prepared, Source

CHARACTERS = list(" abc")
SPEC = {"characters": CHARACTERS}
TRAIN = ["ab c", "ab c ab", "c ab", "ab", "c c ab", "ab c", "b"]
VALIDATION = ["ab c", "c ab"]
CONFIG = Config(decoding=DecodingConfig(beam_width=16))


def spelt(path):
    """One frame a symbol, "_" the blank; "?" sounds like a, or a little more like c."""
    values = np.full((len(path), 5), 0.02)
    for frame, symbol in enumerate(path):
        if symbol == "?":
            values[frame] = [0.02, 0.42, 0.02, 0.52, 0.02]
        else:
            values[frame, [*CHARACTERS, "_"].index(symbol)] = 0.92
    return np.log(values).astype(np.float32)


def utterances(texts):
    return Utterances([np.zeros(800, np.int16)] * len(texts), texts, ["s"] * len(texts), texts)


def prepared(validation=VALIDATION):
    splits = {"train": utterances(TRAIN), "validation": utterances(list(validation)), "test": utterances(["b"])}
    return Prepared(splits, SPEC, Source("made", "0"))


@pytest.fixture
def tuned(monkeypatch):
    def heard(config, spec, model, split):
        assert split.texts == VALIDATION
        sounds = [spelt("?b_ _c__"), spelt("c_ _?b__")]
        yield Heard({"log_probabilities": np.stack(sounds), "frames": np.array([6, 8])}, np.array([1, 1]), 0.0)

    monkeypatch.setattr(tuning, "listen", heard)
    return tuning.tune(CONFIG, SPEC, None, prepared())


def test_what_is_chosen(tuned):
    assert sorted(tuned) == ["decoding.json", "language_model.arpa"]
    chosen = json.loads(tuned["decoding.json"])
    assert chosen["order"] in tuning.ORDERS["word"]
    assert chosen["alpha"] in tuning.ALPHAS and chosen["beta"] in tuning.BETAS
    assert chosen["utterances"] == 2
    assert chosen["wer"] == chosen["cer"] == 0  # “cb c” without a language model
    assert "ab c" in tuned["language_model.arpa"]


def test_perplexity_chooses_the_order():
    perplexity, order, arpa = tuning.best_arpa(TRAIN, VALIDATION)
    assert f"\n\\{order}-grams:" in arpa and f"\\{order + 1}-grams:" not in arpa
    assert 1 < perplexity < 5  # a, b, c, ab and the end: fewer than five choices


def test_the_tuned_search_hears_words_of_the_training_transcripts(tuned):
    search = tuning.tuned_search(CONFIG, {**SPEC, "tuned": tuned})
    assert search(spelt("?b_ _c"))[0].text == "ab c"
    assert tuning.tuned_search(CONFIG, SPEC) is None


def test_nothing_is_tuned_where_nothing_validates():
    assert tuning.tune(CONFIG, SPEC, None, prepared([])) == {}


def test_hot_words_that_a_person_filled_in_are_heard(tuned):
    values = spelt("?b_")
    values[0] = np.log([0.02, 0.52, 0.02, 0.42, 0.02])  # a little more like a
    assert tuning.tuned_search(CONFIG, {**SPEC, "tuned": tuned})(values)[0].text == "ab"
    settings = json.loads(tuned["decoding.json"])
    assert settings["hot_words"] == {}
    for spelt_by_hand in ("cb", "CB"):
        settings["hot_words"] = {spelt_by_hand: 20.0}
        hot = {**tuned, "decoding.json": json.dumps(settings)}
        assert tuning.tuned_search(CONFIG, {**SPEC, "tuned": hot})(values)[0].text == "cb"
    for never_heard in ("c b", "cé", ""):
        settings["hot_words"] = {never_heard: 20.0}
        hot = {**tuned, "decoding.json": json.dumps(settings)}
        with pytest.raises(DataError, match=f"hot word '{never_heard}', expected one word"):
            tuning.tuned_search(CONFIG, {**SPEC, "tuned": hot})


def test_a_language_model_of_characters(tuned):
    config = Config(decoding=DecodingConfig(beam_width=16, language_model="character"))
    made = tuning.tune(config, SPEC, None, prepared())
    settings = json.loads(made["decoding.json"])
    assert settings["unit"] == "character" and settings["order"] in tuning.ORDERS["character"]
    assert settings["known_words_only"] is False
    assert "\ta b |" in made["language_model.arpa"]
    assert tuning.tuned_search(config, {**SPEC, "tuned": made})(spelt("?b_ _c"))[0].text == "ab c"


def test_a_persons_own_language_model_takes_the_place_of_the_trained_one(tuned):
    lines = "\\data\\\nngram 1=3\n\n\\1-grams:\n-99\t<s>\n-1\t</s>\n-0.1\tcb\n\n\\end\\\n"
    search = tuning.tuned_search(CONFIG, {**SPEC, "tuned": {**tuned, "language_model.arpa": lines}})
    assert search(spelt("?b_"))[0].text == "cb"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("decoding.json", "{", "remove the folder tuned/"),
        ("decoding.json", '{"unit": "word"}', "remove the folder tuned/"),
        ("decoding.json", '{"unit": "word", "alpha": NaN, "beta": 1, "known_words_only": false}', "weight of nan"),
        ("decoding.json", '{"unit": "syllable", "alpha": 1, "beta": 1, "known_words_only": false}', "unit 'syllable'"),
        (
            "decoding.json",
            '{"unit": "character", "alpha": 1, "beta": 1, "known_words_only": true}',
            "without known_words",
        ),
        ("language_model.arpa", "", "tuned/language_model.arpa: no line"),
    ],
)
def test_damaged_files_are_answered_in_one_sentence(tuned, name, text, message):
    with pytest.raises(DataError, match=message):
        tuning.tuned_search(CONFIG, {**SPEC, "tuned": {**tuned, name: text}})
    missing = {other: kept for other, kept in tuned.items() if other != name}
    with pytest.raises(DataError, match=f"{name}.*is missing or damaged"):
        tuning.tuned_search(CONFIG, {**SPEC, "tuned": missing})


def test_a_person_sees_words_with_times_and_confidence(tuned, tmp_path):
    values = spelt("_?b_ _c____")
    outputs = {
        "text": np.array([b"cb c"]),
        "text_beam": np.array([b"cb c"]),
        "log_probability": np.array([-1.0]),
        "log_probabilities": values[None],
        "frames": np.array([9]),
    }
    soundfile.write(tmp_path / "x.wav", np.full(5_760, 0.1), 16_000)
    row = serve.answer(CONFIG, {**SPEC, "tuned": tuned}, tmp_path / "x.wav", outputs, tmp_path)
    assert row["text"] == "cb c"
    assert row["text_with_language_model"] == "ab c"
    first, second = row["words"]  # a frame every 10 ms x 2 x 2
    assert first == {"word": "ab", "start": 0.04, "end": 0.12, "confidence": round(math.sqrt(0.42 * 0.92), 3)}
    assert second == {"word": "c", "start": 0.24, "end": 0.28, "confidence": 0.92}
    assert "words" not in serve.answer(CONFIG, SPEC, tmp_path / "x.wav", outputs, tmp_path)
