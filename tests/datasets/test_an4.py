"""The AN4 reader, on a small copy of the official layout and on the real one."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from datasets import an4
from datasets.errors import DataError

REAL = Path(os.environ.get("DATASETS_DIR", "/nowhere")) / "an4"


@pytest.fixture
def root(tmp_path):
    """Two training utterances, with and without sentence marks, and one test utterance."""
    texts = {
        "train": [("fash", "an251-fash-b", "<s> YES </s>"), ("mblb", "cen1-mblb-b", "<s>  ONE   FIVE </s>")],
        "test": [("fcaw", "an406-fcaw-b", "RUBOUT G M E F THREE NINE")],
    }
    (tmp_path / "etc").mkdir()
    for split, folder in (("train", "an4_clstk"), ("test", "an4test_clstk")):
        ids, lines = [], []
        for number, (speaker, name, text) in enumerate(texts[split]):
            path = tmp_path / "wav" / folder / speaker / f"{name}.sph"
            path.parent.mkdir(parents=True)
            sound = (1000 * np.sin(np.arange(1600 * (number + 1)))).astype(np.int16)
            soundfile.write(path, sound, 16000, format="NIST", subtype="PCM_16")
            ids.append(f"{folder}/{speaker}/{name}")
            lines.append(f"{text} ({name})")
        (tmp_path / f"etc/an4_{split}.fileids").write_text("\n".join(ids) + "\n")
        (tmp_path / f"etc/an4_{split}.transcription").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_lists_with_and_without_sentence_marks(root):
    train, test = an4.read_list(root, "train"), an4.read_list(root, "test")
    assert [(u.name, u.speaker, u.text) for u in train] == [
        ("an251-fash-b", "fash", "YES"),
        ("cen1-mblb-b", "mblb", "ONE FIVE"),
    ]
    assert [u.text for u in test] == ["RUBOUT G M E F THREE NINE"]


def test_samples_are_those_of_the_file(root):
    samples = an4.read_samples(an4.read_list(root, "train")[1])
    assert samples.dtype == np.int16
    np.testing.assert_array_equal(samples, (1000 * np.sin(np.arange(3200))).astype(np.int16))


def test_the_digest_follows_the_recordings(root):
    before = an4.digest(root)
    path = an4.read_list(root, "test")[0].path
    path.write_bytes(path.read_bytes()[:-2] + b"\x01\x01")
    assert an4.digest(root) != before


def test_a_missing_transcript_is_named(root):
    file = root / "etc/an4_train.transcription"
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="1 transcripts for 2 recordings"):
        an4.read_list(root, "train")


def test_a_transcript_of_another_recording_is_named(root):
    file = root / "etc/an4_train.transcription"
    file.write_text("\n".join(reversed(file.read_text().splitlines())))
    with pytest.raises(DataError, match="row 1"):
        an4.read_list(root, "train")


def test_a_missing_recording_is_named(root):
    an4.read_list(root, "test")[0].path.unlink()
    with pytest.raises(DataError, match=r"an406-fcaw-b\.sph"):
        an4.read_list(root, "test")


@pytest.mark.parametrize("content", [b"", b"NIST_1A\n   1024\n", b"this is text, renamed"])
def test_a_damaged_recording_is_named(root, content):
    utterance = an4.read_list(root, "test")[0]
    utterance.path.write_bytes(content)
    with pytest.raises(DataError, match=r"an406-fcaw-b\.sph"):
        an4.read_samples(utterance)


def test_a_truncated_recording_is_named(root):
    utterance = an4.read_list(root, "test")[0]
    utterance.path.write_bytes(utterance.path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"an406-fcaw-b\.sph"):
        an4.read_samples(utterance)


def test_another_rate_is_refused(root):
    utterance = an4.read_list(root, "test")[0]
    soundfile.write(utterance.path, np.zeros(800, np.int16), 8000, format="NIST", subtype="PCM_16")
    with pytest.raises(DataError, match="8000 Hz"):
        an4.read_samples(utterance)


@pytest.mark.skipif(not REAL.is_dir(), reason="AN4 is not under DATASETS_DIR")
def test_the_real_corpus():
    train, test = an4.read_list(an4.folder(), "train"), an4.read_list(an4.folder(), "test")
    assert (len(train), len({u.speaker for u in train})) == (948, 74)
    assert (len(test), len({u.speaker for u in test})) == (130, 10)
    assert not {u.speaker for u in train} & {u.speaker for u in test}
    assert not any("<" in u.text or "(" in u.text for u in [*train, *test])
    assert sum(len(u.text.split()) for u in test) == 773
    assert len(an4.read_samples(train[0])) > 8000
