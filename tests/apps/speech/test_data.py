"""Splits, what is left out, and batches."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from apps.speech import data
from apps.speech.config import Blstm, Config, DataConfig, DeepSpeech2, Tdnn
from apps.speech.models import frames
from datasets.errors import DataError
from harness.settings import TrainingConfig

REAL = Path(os.environ.get("DATASETS_DIR", "/nowhere")) / "an4"


def config(source, **values):
    return Config(data=DataConfig(source=str(source), **values), training=TrainingConfig(batch_size=4, seed=3))


@pytest.fixture(scope="module")
def demo():
    return data.prepare(config("demo"))


def manifest(folder, rows, header="path,text,speaker"):
    generator = np.random.default_rng(0)
    for number, row in enumerate(rows):
        path = folder / row.split(",")[0]
        soundfile.write(path, 0.1 * generator.standard_normal(16000 + 100 * number), 16000)
    (folder / "manifest.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "manifest.csv"


def test_demo_speakers_stand_in_one_split_only(demo):
    speakers = {name: set(split.speakers) for name, split in demo.splits.items()}
    assert not speakers["train"] & speakers["test"]
    assert not speakers["train"] & speakers["validation"]
    assert not speakers["validation"] & speakers["test"]
    assert demo.source.synthetic
    assert "".join(demo.spec["characters"]) == " efghinorstuvwxz"
    assert not demo.dropped


def test_a_trained_model_gets_test_utterances_only(demo):
    spec = {"characters": ["a"]}
    prepared = data.prepare(config("demo"), spec)
    assert list(prepared.splits) == ["test"]
    assert prepared.spec == spec
    assert prepared.splits["test"].texts == demo.splits["test"].texts


def test_limit_leaves_the_data_as_they_are(demo):
    limited = data.prepare(config("demo", limit=40))
    assert limited.source.sha256 == demo.source.sha256
    assert len(limited.splits["train"]) == 40
    assert set(limited.splits["train"].names) < set(demo.splits["train"].names)
    assert limited.splits["test"].texts == demo.splits["test"].texts


def test_manifest_is_split_by_speaker(tmp_path):
    rows = [f"{i}.wav,hello number {i},speaker{i % 10}" for i in range(40)]
    prepared = data.prepare(config(manifest(tmp_path, rows), validation_fraction=0.2))
    sizes = {name: len(split) for name, split in prepared.splits.items()}
    assert sizes == {"train": 24, "validation": 8, "test": 8}
    speakers = [set(split.speakers) for split in prepared.splits.values()]
    assert len(set().union(*speakers)) == sum(map(len, speakers)) == 10
    assert "speaker" in prepared.notes[0]


def test_manifest_without_speakers_is_split_by_utterance(tmp_path):
    rows = [f"{i}.wav,hello number {i}" for i in range(20)]
    prepared = data.prepare(config(manifest(tmp_path, rows, "path,text")))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 16, "validation": 2, "test": 2}


def test_manifest_split_column_is_obeyed(tmp_path):
    names = ["train"] * 6 + ["validation"] * 2 + ["test"] * 3
    rows = [f"{i}.wav,hello {i},{name}" for i, name in enumerate(names)]
    file = manifest(tmp_path, rows, "path,text,split")
    prepared = data.prepare(config(file))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 6, "validation": 2, "test": 3}
    assert prepared.splits["test"].names == ["8.wav", "9.wav", "10.wav"]
    assert data.prepare(config(file), {"characters": ["h"]}).splits["test"].names == ["8.wav", "9.wav", "10.wav"]


def test_manifest_with_a_wrong_split_is_refused(tmp_path):
    file = manifest(tmp_path, ["0.wav,hello,train", "1.wav,hello,dev"], "path,text,split")
    with pytest.raises(DataError, match="dev"):
        data.prepare(config(file))


def test_manifest_of_one_speaker_is_split_by_utterance(tmp_path):
    prepared = data.prepare(config(manifest(tmp_path, [f"{i}.wav,hello,anna" for i in range(5)])))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 3, "validation": 1, "test": 1}
    assert "fewer than three speakers: the same voice may be on both sides" in prepared.notes[0]


def test_two_recordings_cannot_be_split(tmp_path):
    with pytest.raises(DataError, match="2 utterances cannot be split"):
        data.prepare(config(manifest(tmp_path, ["0.wav,hello,anna", "1.wav,hello,anna"])))


def test_everything_left_out_is_counted(tmp_path):
    rows = [f"{i}.wav,hello number {i},speaker{i}" for i in range(12)]
    file = manifest(tmp_path, rows)
    (tmp_path / "bad.wav").write_text("not sound")
    soundfile.write(tmp_path / "short.wav", np.zeros(1600), 16000)
    soundfile.write(tmp_path / "wordless.wav", np.zeros(16000), 16000)
    with file.open("a") as stream:
        stream.write(
            "bad.wav,hello,speaker12\nabsent.wav,hello,speaker12\nshort.wav,far too long for this,s\nwordless.wav,?!,s\n"
            "0.wav,hello number 0,somebody else\n"
        )
    settings = config(file, validation_fraction=0.01)
    for seed in range(20):
        prepared = data.prepare(dataclasses.replace(settings, data=dataclasses.replace(settings.data, seed=seed)))
        if "s" not in prepared.splits["test"].speakers:
            break
    dropped = dict(prepared.dropped)
    too_long = [dropped.pop(key) for key in list(dropped) if "fewer frames" in key]
    assert too_long == [1]
    assert dropped == {"unreadable recording": 1, "missing file": 1, "empty transcript": 1, "listed twice": 1}
    named = dict(prepared.left_out)
    assert "bad.wav: not a recording that can be read" in named["bad.wav"]
    assert named["absent.wav"] == "missing file"
    assert "fewer frames than its transcript needs" in named["short.wav"]


def test_what_is_left_out_is_named_by_its_path(tmp_path):
    (tmp_path / "deep").mkdir()
    rows = [f"deep/{i}.wav,hello,{'test' if i == 6 else 'validation' if i == 5 else 'train'}" for i in range(7)]
    file = manifest(tmp_path, rows, "path,text,split")
    for name in ("silent", "wordless"):
        soundfile.write(tmp_path / f"deep/{name}.wav", np.zeros(16000), 16000)
    (tmp_path / "deep/bad.wav").write_text("not sound")
    with file.open("a") as stream:
        stream.write("deep/silent.wav,hello,train\ndeep/wordless.wav,?!,train\ndeep/bad.wav,hello,train\n")
    named = [name for name, _ in data.prepare(config(file)).left_out]
    assert sorted(named) == ["deep/bad.wav", "deep/silent.wav", "deep/wordless.wav"]
    for path in tmp_path.glob("deep/*.wav"):
        path.with_suffix(".txt").write_text("?!" if path.stem == "wordless" else "hello")
    named = [name for name, _ in data.prepare(config(tmp_path), {"characters": list("ehlo")}).left_out]
    assert sorted(named) == ["deep/bad.wav", "deep/wordless.wav", "manifest.csv"]


def test_the_first_transcripts_with_unknown_characters_are_named(tmp_path):
    texts = ["hello", "zoo", "hello", "oz", "zzz", "heller", "hell"]
    file = manifest(tmp_path, [f"{i}.wav,{transcript}" for i, transcript in enumerate(texts)], "path,text")
    assert data.prepare(config(file), {"characters": list("ehlo")}).notes == [
        "The test transcripts hold characters that training never shows: r z (in 1.wav, 3.wav, 4.wav and 1 more)."
    ]


def faulty(folder):
    """A manifest whose last rows are silent, clipped and far too long recordings, one of each to train and one to test."""
    rows = [f"{i}.wav,hello {i},{'train' if i < 6 else 'validation'}" for i in range(8)] + ["8.wav,hello,test"]
    file = manifest(folder, rows, "path,text,split")
    noise = 0.1 * np.random.default_rng(1).standard_normal(16000)
    for name, samples in {
        "silent": 1e-4 * noise,
        "clipped": np.clip(40 * noise, -1, 1),
        "long": np.tile(noise, 36),
    }.items():
        for split in ("train", "test"):
            soundfile.write(folder / f"{name}_{split}.wav", samples, 16000)
            with file.open("a") as stream:
                stream.write(f"{name}_{split}.wav,hello,{split}\n")
    return file


def test_silent_clipped_and_overlong_recordings_train_nothing_but_are_tested(tmp_path):
    prepared = data.prepare(config(faulty(tmp_path)))
    assert dict(prepared.left_out) == {
        "silent_train.wav": "train, silent", "clipped_train.wav": "train, clipped", "long_train.wav": "train, longer than 35 s",
    }  # fmt: skip
    assert prepared.dropped == {"train, silent": 1, "train, clipped": 1, "train, longer than 35 s": 1}
    assert prepared.splits["test"].names == ["8.wav", "silent_test.wav", "clipped_test.wav", "long_test.wav"]
    assert [note for note in prepared.notes if note.startswith("Tested")] == [
        "Tested all the same (silent): silent_test.wav.",
        "Tested all the same (clipped): clipped_test.wav.",
        "Tested all the same (longer than 35 s): long_test.wav.",
    ]
    longer = data.prepare(config(tmp_path / "manifest.csv", longest_seconds=40.0))
    assert "long_train.wav" in longer.splits["train"].names


def test_an_unusable_recording_ends_the_command_where_asked(tmp_path):
    with pytest.raises(DataError, match=r"silent_train\.wav: train, silent .3 in all.*--data.unusable skip"):
        data.prepare(config(faulty(tmp_path), unusable="fail"))
    (tmp_path / "0.wav").write_text("not sound")
    with pytest.raises(DataError, match=r"0\.wav: unreadable recording"):
        data.prepare(config(tmp_path / "manifest.csv", unusable="fail"))


def test_a_trained_model_is_told_of_what_it_is_tested_on(tmp_path):
    spec = {"characters": list("ehlo")}
    rows = ["0.wav,hello", "1.wav,zürich 7", "2.wav,hello"]
    file = manifest(tmp_path, rows, "path,text")
    soundfile.write(tmp_path / "2.wav", np.zeros(16000), 16000)
    prepared = data.prepare(config(file), spec)
    assert prepared.splits["test"].names == ["0.wav", "1.wav", "2.wav"]
    assert prepared.notes == [
        "Tested all the same (silent): 2.wav.",
        "The test transcripts hold characters that training never shows:   7 c i r z ü (in 1.wav).",
    ]
    (tmp_path / "0.wav").write_text("not sound")
    assert data.prepare(config(file), spec).dropped == {"unreadable recording": 1}
    with pytest.raises(DataError, match=r"0\.wav: unreadable recording"):
        data.prepare(config(file, unusable="fail"), spec)


def test_a_folder_of_recordings_beside_their_transcripts(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(10):
        folder = tmp_path / f"anna{number}"
        folder.mkdir()
        for ending in ("wav", "flac"):
            soundfile.write(folder / f"{ending}.{ending}", 0.1 * generator.standard_normal(16000), 16000)
            (folder / f"{ending}.txt").write_text(f"Hello, {number}!\n")
    (tmp_path / "anna0/wav.txt").unlink()
    prepared = data.prepare(config(tmp_path))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 15, "validation": 2, "test": 2}
    assert set(prepared.splits["train"].texts) <= {f"hello {number}" for number in range(10)}
    assert "speaker" in prepared.notes[0]
    assert prepared.left_out == [("anna0/wav.wav", "missing transcript")]
    for name in ("alone.txt", "tune.mp3", ".hidden"):
        (tmp_path / name).write_text("hello")
    assert data.prepare(config(tmp_path)).left_out[1:] == [
        ("alone.txt", "missing recording"),
        ("tune.mp3", "not a WAV, FLAC, OGG, AIFF or SPHERE file"),
    ]
    before = prepared.source.sha256
    (tmp_path / "anna1/wav.txt").write_text("hello 2")
    assert data.prepare(config(tmp_path)).source.sha256 != before


def test_transcripts_that_are_not_utf_8_are_left_out(tmp_path):
    encoded = {"a": "utf-8", "b": "utf-8-sig", "c": "utf-8", "d": "latin-1", "e": "utf-16"}
    for name, encoding in encoded.items():
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
        (tmp_path / f"{name}.txt").write_text("café", encoding)
    prepared = data.prepare(config(tmp_path))
    assert [split.texts for split in prepared.splits.values()] == [["café"]] * 3
    assert prepared.left_out == [("d.wav", "transcript is not UTF-8"), ("e.wav", "transcript is not UTF-8")]
    for name in "abc":
        (tmp_path / f"{name}.wav").unlink()
    with pytest.raises(DataError, match=r"no recording with a transcript .2 transcript is not UTF-8, 3 missing rec"):
        data.prepare(config(tmp_path))


@pytest.mark.parametrize(
    ("group", "setting", "said"),
    [
        ("features", {"bins": 0}, r"--features\.bins 0: expected 1 or more"),
        ("features", {"window_milliseconds": 0.0}, r"--features\.window-milliseconds 0: expected 1 or more"),
        ("features", {"hop_milliseconds": 0.01}, r"--features\.hop-milliseconds 0\.01: expected 1 or more"),
        ("features", {"stack_stride": 0}, r"--features\.stack-stride 0: expected 1 or more"),
        ("decoding", {"beam_width": 0}, r"--decoding\.beam-width 0: expected 1 or more"),
        ("model", Blstm(filters=()), r"--model\.filters without a number"),
        ("model", Tdnn(strides=(2, 0, 1, 1, 1, 1, 1)), r"--model\.strides 0: expected 1 or more"),
        ("model", DeepSpeech2(time_strides=(2, 0)), r"--model\.time-strides 0: expected 1 or more"),
    ],
)
def test_sizes_of_nothing_are_refused_before_anything_is_read(group, setting, said):
    settings = config("/nope.csv")
    changed = setting if group == "model" else dataclasses.replace(getattr(settings, group), **setting)
    with pytest.raises(DataError, match=f"^{said}"):
        data.prepare(dataclasses.replace(settings, **{group: changed}))


@pytest.mark.parametrize("speeds", [(), (0.0, 1.0), (3.0,)])
def test_speeds_at_which_nobody_speaks_are_refused(speeds):
    with pytest.raises(DataError, match=r"--data\.speeds .*expected numbers from 0\.5 to 2"):
        data.prepare(config("demo", speeds=speeds))


def librispeech(root, subsets):
    """Makes LibriSpeech's layout of two readers a subset with two utterances each."""
    generator = np.random.default_rng(0)
    for number, subset in enumerate(subsets):
        for reader in (10 * number + 1, 10 * number + 2):
            chapter = root / "LibriSpeech" / subset / str(reader) / "7"
            chapter.mkdir(parents=True)
            names = [f"{reader}-7-{i:04d}" for i in range(2)]
            for name in names:
                soundfile.write(chapter / f"{name}.flac", 0.1 * generator.standard_normal(20000), 16000)
            (chapter / f"{reader}-7.trans.txt").write_text("".join(f"{name} IT'S READ ALOUD\n" for name in names))


def test_librispeech_subsets_make_the_splits(tmp_path, monkeypatch):
    librispeech(tmp_path, ["train-clean-5", "train-clean-100", "dev-clean", "test-clean"])
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    settings = config("librispeech")
    prepared = data.prepare(settings)
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 8, "validation": 4, "test": 4}
    assert set(prepared.splits["test"].texts) == {"it's read aloud"}
    assert prepared.splits["test"].speakers == ["31", "31", "32", "32"]
    x, y = next(iter(data.batches(settings, prepared.spec, prepared.splits["train"], True)))
    assert np.abs(x["waveforms"].numpy()).max() > 0.1
    assert y.shape == (4, 15)
    assert list(data.prepare(settings, prepared.spec).splits) == ["test"]


def test_librispeech_of_one_kind_is_split_by_reader(tmp_path, monkeypatch):
    librispeech(tmp_path, ["train-clean-5", "train-clean-100", "train-other-500"])
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    prepared = data.prepare(config("librispeech"))
    readers = [set(split.speakers) for split in prepared.splits.values()]
    assert len(set().union(*readers)) == sum(map(len, readers)) == 6


def test_librispeech_of_one_reader_is_split_by_utterance(tmp_path, monkeypatch):
    librispeech(tmp_path, ["dev-clean"])
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    prepared = data.prepare(config("librispeech"))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 2, "validation": 1, "test": 1}
    assert "fewer than three speakers" in prepared.notes[0]


def test_librispeech_that_is_damaged_is_counted_or_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    with pytest.raises(DataError, match="train-clean-5"):
        data.prepare(config("librispeech"))
    librispeech(tmp_path, ["train-clean-5", "train-clean-100", "dev-clean", "test-clean"])
    chapter = tmp_path / "LibriSpeech/train-clean-5/1/7"
    (chapter / "1-7-0000.flac").rename(chapter / "1-7-0009.flac")
    (chapter / "1-7-0001.flac").write_bytes(b"not sound")
    cut = tmp_path / "LibriSpeech/test-clean/31/7/31-7-0000.flac"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])  # its head still promises all
    soundfile.write(tmp_path / "LibriSpeech/dev-clean/21/7/21-7-0000.flac", np.zeros(20000), 16000)
    transcripts = tmp_path / "LibriSpeech/train-clean-100/11/7/11-7.trans.txt"
    transcripts.write_text("11-7-0000\n11-7-0001 IT'S READ ALOUD\n")
    prepared = data.prepare(config("librispeech"))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 5, "validation": 3, "test": 3}
    assert prepared.dropped == {
        "missing file": 1, "missing transcript": 1, "train, unreadable recording": 1, "train, empty transcript": 1,
        "validation, silent": 1, "test, unreadable recording": 1,
    }  # fmt: skip
    named = dict(prepared.left_out)
    assert named["1-7-0000"] == "missing file" and "1-7-0001.flac: not a FLAC file" in named["1-7-0001"]
    assert data.prepare(config("librispeech"), prepared.spec).dropped["test, unreadable recording"] == 1
    # one that is too long as well is tested all the same, and so has to be read first
    short = config("librispeech", longest_seconds=1.0)
    assert data.prepare(short, prepared.spec).dropped["test, unreadable recording"] == 1
    with pytest.raises(DataError, match=r"1-7-0000: missing file .6 in all"):
        data.prepare(config("librispeech", unusable="fail"))


def test_a_librispeech_chapter_that_is_not_utf_8_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    librispeech(tmp_path, ["train-clean-5", "dev-clean", "test-clean"])
    chapters = [tmp_path / f"LibriSpeech/train-clean-5/{reader}/7/{reader}-7.trans.txt" for reader in (1, 2)]
    chapters[0].write_text("1-7-0000 CAFÉ\n1-7-0001 CAFE\n", "latin-1")
    chapters[1].write_text("2-7-0000 CAFÉ\n2-7-0001 CAFÉ\n", "utf-8-sig")
    prepared = data.prepare(config("librispeech"))
    assert prepared.splits["train"].texts == ["café", "café"]
    assert prepared.left_out == [(f"1-7-000{i}", "transcript is not UTF-8") for i in range(2)]


def test_test_utterances_are_never_left_out(tmp_path):
    rows = [f"{i}.wav,hello {i},train" for i in range(6)] + ["6.wav,hello,validation", "7.wav," + "abc " * 60 + ",test"]
    prepared = data.prepare(config(manifest(tmp_path, rows, "path,text,split")))
    assert len(prepared.splits["test"]) == 1
    assert not prepared.dropped
    assert any("test transcripts hold characters that training never shows: a b c" in note for note in prepared.notes)


@pytest.mark.parametrize("name", ["absent.csv", "folder"])
def test_no_manifest_there(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=name):
        data.prepare(config(tmp_path / name))


def test_training_batches_are_stateless_functions_of_the_step(demo):
    settings = config("demo", speeds=(0.8, 1.0, 1.25))
    train = demo.splits["train"].subset(range(30))

    def stream(first, count):
        taken = data.batches(settings, demo.spec, train, True, first).take(count)
        return [(x["waveforms"].numpy(), x["lengths"].numpy(), y.numpy()) for x, y in taken]

    whole, late = stream(0, 12), stream(9, 3)
    for left, right in zip(whole[9:], late, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)
    assert {len(batch[1]) for batch in whole} == {4}
    lengths = {int(n) for batch in whole for n in batch[1]}
    assert not lengths <= {len(samples) for samples in train.samples}  # some were played faster or slower


def test_batches_hold_what_was_said_and_padding_is_silent(demo):
    split = demo.splits["validation"].subset(range(37))
    batches = list(data.batches(config("demo"), demo.spec, split, False))
    texts, samples = [], []
    for x, y in batches:
        for waveform, length, labels in zip(x["waveforms"].numpy(), x["lengths"].numpy(), y.numpy(), strict=True):
            texts.append("".join(demo.spec["characters"][label] for label in labels if label >= 0))
            samples.append(waveform[:length])
            assert not waveform[length:].any()
    assert texts == split.texts
    for left, right in zip(samples, split.samples, strict=True):
        np.testing.assert_array_equal(left, right.astype(np.float32) / 32768)


def test_batches_that_do_not_train_hold_a_bounded_amount_of_sound(demo, monkeypatch):
    split = demo.splits["validation"].subset(range(37))
    longest = max(map(len, split.samples))
    monkeypatch.setattr(data, "SECONDS_AT_ONCE", 5 * longest / 16000)
    shapes = [x["waveforms"].shape for x, _ in data.batches(config("demo"), demo.spec, split, False)]
    assert sum(rows for rows, _ in shapes) == 37
    assert max(rows * samples for rows, samples in shapes) <= 5 * longest
    monkeypatch.setattr(data, "SECONDS_AT_ONCE", 0.01)
    assert len(list(data.batches(config("demo"), demo.spec, split, False))) == 37


def test_training_batches_hold_similar_lengths(demo):
    settings = dataclasses.replace(config("demo", speeds=(1.0,)), training=TrainingConfig(batch_size=30))
    taken = data.batches(settings, demo.spec, demo.splits["train"], True).take(len(demo.splits["train"]) // 30)
    padding = [1 - x["lengths"].numpy().mean() / x["waveforms"].shape[1] for x, _ in taken]
    assert np.mean(padding) < 0.2


def test_rows_are_padded_to_a_multiple():
    rows = [[1, 2, 3], [4]]
    assert data.padded(rows, -1, np.int32).tolist() == [[1, 2, 3], [4, -1, -1]]
    assert data.padded(rows, -1, np.int32, 4).tolist() == [[1, 2, 3, -1], [4, -1, -1, -1]]
    assert data.padded(rows, 0, np.int32, 3).shape == (2, 3)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_played_at_another_speed(speed):
    tone = (10000 * np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)).astype(np.int16)
    moved = data.played(tone, speed)
    assert len(moved) == pytest.approx(16000 / speed, abs=2)
    peak = np.abs(np.fft.rfft(moved.astype(float))).argmax() * 16000 / len(moved)
    assert peak == pytest.approx(500 * speed, rel=0.01)


def test_frames_count_what_the_model_gives():
    assert frames(Config(), 399) == 0
    assert frames(Config(), 400) == 1
    assert frames(Config(), 16000) == 25  # 98 windows, halved twice
    assert frames(Config(model=Blstm(filters=(8,))), 16000) == 49


@pytest.mark.skipif(not REAL.with_name("LibriSpeech").is_dir(), reason="needs LibriSpeech in DATASETS_DIR")
def test_the_twelve_utterances_of_librispeech():
    prepared = data.prepare(config("librispeech"))
    assert sum(map(len, prepared.splits.values())) == 12 and all(map(len, prepared.splits.values()))
    assert not prepared.left_out


def test_recordings_of_an4_that_cannot_be_read_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    root, generator = tmp_path / "an4", np.random.default_rng(0)
    (root / "etc").mkdir(parents=True)
    for split, speakers in {"train": ("ann", "bob"), "test": ("cid",)}.items():
        names = [(speaker, f"an{number}-{speaker}-b") for speaker in speakers for number in range(3)]
        for speaker, name in names:
            (root / "wav" / speaker).mkdir(parents=True, exist_ok=True)
            path, samples = root / f"wav/{speaker}/{name}.sph", 0.1 * generator.standard_normal(16000)
            soundfile.write(path, samples, 16000, format="NIST", subtype="PCM_16")
        (root / f"etc/an4_{split}.fileids").write_text("".join(f"{speaker}/{name}\n" for speaker, name in names))
        (root / f"etc/an4_{split}.transcription").write_text("".join(f"YES ({name})\n" for _, name in names))
    for name in ("ann/an1-ann-b", "cid/an0-cid-b"):
        path = root / f"wav/{name}.sph"
        path.write_bytes(path.read_bytes()[:-100])
    prepared = data.prepare(config("an4", validation_speakers=("bob",)))
    assert prepared.splits["train"].names == ["an0-ann-b", "an2-ann-b"]
    assert prepared.splits["test"].names == ["an1-cid-b", "an2-cid-b"]
    assert prepared.dropped == {"train, unreadable recording": 1, "test, unreadable recording": 1}
    assert [name for name, _ in prepared.left_out] == ["an1-ann-b", "an0-cid-b"]
    with pytest.raises(DataError, match=r"an1-ann-b: train, unreadable recording: .*truncated.* .2 in all"):
        data.prepare(config("an4", validation_speakers=("bob",), unusable="fail"))


@pytest.mark.skipif(not REAL.is_dir(), reason="AN4 is not under DATASETS_DIR")
def test_an4():
    prepared = data.prepare(config("an4"))
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 820,
        "validation": 128,
        "test": 130,
    }
    assert len(set(prepared.splits["validation"].speakers)) == 10
    speakers = [set(split.speakers) for split in prepared.splits.values()]
    assert len(set().union(*speakers)) == sum(map(len, speakers)) == 84
    assert len(prepared.spec["characters"]) == 27
    assert not prepared.dropped
    with pytest.raises(DataError, match="nobody"):
        data.prepare(config("an4", validation_speakers=("fash", "nobody")))
