"""Transcripts as phonemes, and their error rate."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from apps.speech import data, evaluate
from apps.speech.config import Config, DataConfig
from apps.speech.phonemes import CODES, pronounced
from datasets import an4
from datasets.errors import DataError
from datasets.synthetic import spoken_digits

REAL = Path(os.environ.get("DATASETS_DIR", "/nowhere")) / "an4"
SETTINGS = Config(data=DataConfig(units="phonemes"))


def test_codes_tell_phonemes_apart():
    assert all(len(code) == 1 for code in CODES.values())
    shared = {code for code in CODES.values() if list(CODES.values()).count(code) > 1}
    assert shared == set()


def test_what_is_not_listed_is_named():
    with pytest.raises(ValueError, match="no pronunciation of HULLO"):
        pronounced("hullo", {"TWO": [["T", "UW"]]})
    with pytest.raises(ValueError, match="TWO is pronounced with XX"):
        pronounced("two", {"TWO": [["T", "XX"]]})


def test_phonemes_need_a_dictionary():
    with pytest.raises(DataError, match="expected --data an4 or demo"):
        data.prepare(dataclasses.replace(SETTINGS, data=DataConfig(source="my.csv", units="phonemes")))


def test_the_digits_are_pronounced():
    dictionary = {word: [p.split() for p in listed] for word, listed in spoken_digits.PRONUNCIATIONS.items()}
    assert pronounced(" ".join(spoken_digits.WORDS), dictionary) == "zIro wAn tu Tri fcr fYv sIks sEvAn et nYn"


def test_the_dictionary_keeps_every_pronunciation_in_order(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/an4.dic").write_text("A    AH\nA(2)\tEY\n\nGO   G OW\n")
    assert an4.pronunciations(tmp_path) == {"A": [["AH"], ["EY"]], "GO": [["G", "OW"]]}
    (tmp_path / "etc/an4.dic").write_text("A AH\nGO\n")
    with pytest.raises(DataError, match="row 2"):
        an4.pronunciations(tmp_path)


def test_phoneme_error_rate_by_hand():
    predictions = {
        "references": np.array(["tu fYv", "e"]),
        "hypotheses": np.array(["tu fYf", "e"]),
        "blank_share": np.array([0.5, 0.5]),
        "processing_seconds": np.array([0.1, 0.1]),
        "seconds": np.array([1.0, 1.0]),
    }
    metrics = evaluate.evaluate(SETTINGS, {}, predictions)
    assert metrics["phoneme_error_rate"].value == pytest.approx(1 / 6)  # the space is no phoneme
    assert metrics["wer"].value == pytest.approx(1 / 3)
    assert "cer" not in metrics


@pytest.mark.skipif(not REAL.is_dir(), reason="AN4 is not under DATASETS_DIR")
def test_every_word_of_an4_is_in_its_dictionary():
    root = an4.folder()
    dictionary = an4.pronunciations(root)
    texts = [u.text for split in ("train", "test") for u in an4.read_list(root, split)]
    symbols = set("".join(pronounced(text, dictionary) for text in texts))
    listed = set((root / "etc/an4.phone").read_text().split()) - {"SIL"}
    assert symbols == {CODES[phoneme] for phoneme in listed} | {" "}
