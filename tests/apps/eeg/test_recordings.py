import gzip
import warnings

import mne
import numpy as np
import pytest

from apps.eeg import data, recordings, serve
from apps.eeg.config import Config, DataConfig, FeaturesConfig
from datasets.errors import DataError

ELECTRODES = ["FP1", "FP2", "C3", "C4", "O1", "O2"]


def record(path, names, rate=256.0, seconds=3.0, onsets=(), seed=0):
    """Writes a recording; returns its volts."""
    volts = np.random.default_rng(seed).normal(0, 1e-5, (len(names), int(rate * seconds)))
    raw = mne.io.RawArray(volts, mne.create_info(list(names), rate, "eeg"), verbose="ERROR")
    if onsets:
        raw.set_annotations(mne.Annotations(onsets, [0.1] * len(onsets), ["picture"] * len(onsets)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(path, verbose="ERROR")
    return volts


def read(path):
    return recordings.read_trials(path, ELECTRODES, ELECTRODES, 256.0, 256)


def test_channels_are_picked_by_name_and_cut_into_windows(tmp_path):
    written = ["EEG O2-REF", "ECG", *[f"{name[0]}{name[1:].lower()}" for name in ELECTRODES[:-1]]]
    volts = record(tmp_path / "person_raw.fif", written)
    trials = read(tmp_path / "person_raw.fif")
    assert trials.shape == (3, 6, 256)
    np.testing.assert_allclose(trials[1, 0], volts[2, 256:512], atol=1e-9)
    np.testing.assert_allclose(trials[2, 5], volts[0, 512:], atol=1e-9)


def test_windows_begin_at_the_annotations(tmp_path):
    volts = record(tmp_path / "person_raw.fif", ELECTRODES, onsets=[0.5, 1.25, 2.9])
    trials = read(tmp_path / "person_raw.fif")
    assert len(trials) == 2
    np.testing.assert_allclose(trials[1], volts[:, 320:576], atol=1e-9)


def test_another_rate_is_resampled(tmp_path):
    times = np.arange(3 * 500) / 500
    sine = np.tile(1e-5 * np.sin(2 * np.pi * 10 * times), (6, 1))
    raw = mne.io.RawArray(sine, mne.create_info(ELECTRODES, 500.0, "eeg"), verbose="ERROR")
    raw.save(tmp_path / "person_raw.fif", verbose="ERROR")
    trials = read(tmp_path / "person_raw.fif")
    assert trials.shape == (3, 6, 256)
    expected = 1e-5 * np.sin(2 * np.pi * 10 * (np.arange(256, 512) / 256))
    np.testing.assert_allclose(trials[1, 0], expected, atol=3e-7)


def test_missing_electrodes_are_named(tmp_path):
    record(tmp_path / "person_raw.fif", ["FP1", "FP2", "C3", "C4"])
    with pytest.raises(DataError, match="2 of the model's 6 electrodes are missing: O1, O2; the file has FP1"):
        read(tmp_path / "person_raw.fif")


def test_eye_channels_may_be_missing(tmp_path):
    record(tmp_path / "person_raw.fif", ELECTRODES)
    trials = recordings.read_trials(tmp_path / "person_raw.fif", [*ELECTRODES, "X"], ELECTRODES, 256.0, 256)
    assert trials.shape == (3, 7, 256)
    assert not trials[:, 6].any()


@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a.fif"])
@pytest.mark.parametrize("content", [b"hello, this is text\n" * 40, b"0" * 100])
def test_damaged_recordings_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="not a readable") as error:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_arrays_are_read_from_npy_and_csv(tmp_path):
    volts = np.random.default_rng(0).normal(0, 1e-5, (6, 256)).astype(np.float32)
    np.save(tmp_path / "one.npy", volts)
    np.save(tmp_path / "two.npy", np.stack([volts, volts]))
    np.savetxt(tmp_path / "one.csv", volts, delimiter=",")
    np.testing.assert_array_equal(read(tmp_path / "one.npy"), volts[None])
    assert read(tmp_path / "two.npy").shape == (2, 6, 256)
    np.testing.assert_allclose(read(tmp_path / "one.csv"), volts[None], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"", "empty file"),
        ("a.npy", b"no numpy file", "not readable as an array"),
        ("a.csv", b"one,two\nthree,four\n", "not readable as an array"),
        ("a.csv", b"1,2\n3,4\n", "expected 6 electrodes x 256 samples"),
        ("a.txt", b"1,2\n3,4\n", "expected .edf, .bdf, .fif"),
        ("co2a0000364.rd.000.gz", gzip.compress(b"# text\n", mtime=0), "names no condition"),
    ],
)
def test_other_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="not readable as an array"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize(("factor", "message"), [(1e6, "divide microvolts by 1e6"), (np.nan, "not finite")])
def test_values_that_are_not_volts_are_refused(tmp_path, factor, message):
    np.save(tmp_path / "a.npy", factor * np.full((6, 256), 1e-5))
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.npy")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nothing.edf")


def write_list(folder, rows):
    (folder / "list.csv").write_text("file,label,subject\n" + "".join(f"{row}\n" for row in rows))
    return folder / "list.csv"


@pytest.fixture
def own(tmp_path):
    for number in range(6):
        record(tmp_path / f"p{number}_raw.fif", [*ELECTRODES, "ECG"], seed=number)
    return write_list(tmp_path, [f"p{n}_raw.fif,{'rest' if n % 2 else 'task'},person{n // 2}" for n in range(6)])


def test_own_data_is_split_by_subject(own):
    config = Config(
        data=DataConfig(source=str(own), folds=3, fold="1", validation_subjects=1), features=FeaturesConfig(frames=4)
    )
    prepared = data.prepare(config)
    assert prepared.spec["class_names"] == ["rest", "task"]
    assert prepared.spec["electrodes"] == ELECTRODES
    assert [len(split) for split in prepared.splits.values()] == [6, 6, 6]
    assert [set(split.subjects.tolist()) for split in prepared.splits.values()] == [
        {"person2"},
        {"person1"},
        {"person0"},
    ]
    again = data.prepare(config, prepared.spec)
    assert len(again.splits["test"]) == 18
    inputs = serve.read(config, prepared.spec, own.parent / "p0_raw.fif")
    assert inputs["signals"].shape == (3, 6, 256)


def test_a_class_the_model_does_not_know_is_named(own):
    config = Config(data=DataConfig(source=str(own), folds=3, fold="1", validation_subjects=1))
    spec = data.prepare(config).spec
    write_list(own.parent, ["p0_raw.fif,sleep,person0"])
    with pytest.raises(DataError, match="does not know the class sleep; it knows rest, task"):
        data.prepare(config, spec)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["p0_raw.fif,rest,"], "row 2: file, label or subject is empty"),
        (["nobody.edf,rest,person1"], "row 2: .*nobody.edf: no such file"),
        ([], "no rows"),
    ],
)
def test_a_bad_list_names_its_row(own, rows, message):
    with pytest.raises(DataError, match=message):
        recordings.read_list(write_list(own.parent, rows))


def test_a_list_without_its_columns_says_which(tmp_path):
    (tmp_path / "list.csv").write_text("path,label\na.edf,rest\n")
    with pytest.raises(DataError, match="the column file, subject is missing"):
        recordings.read_list(tmp_path / "list.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match=r"empty\.csv: the column file, label, subject is missing"):
        recordings.read_list(tmp_path / "empty.csv")


def test_a_source_that_is_neither_folder_nor_list(tmp_path):
    with pytest.raises(DataError, match="expected a folder in the layout of the UCI EEG Database, or a CSV"):
        data.prepare(Config(data=DataConfig(source=str(tmp_path / "nothing"))))
