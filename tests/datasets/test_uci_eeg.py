import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from datasets import uci_eeg
from datasets.errors import DataError


def write_trial(
    root: Path, subject: str, trial: int, condition: str = "S1 obj ", seed: int = 0, names=uci_eeg.ELECTRODES
) -> np.ndarray:
    """Writes a file in the database's layout; returns its values in microvolts."""
    values = np.random.default_rng([seed, trial]).normal(0, 8, (len(names), uci_eeg.SAMPLES)).round(3)
    lines = [
        f"# {subject}.rd",
        "# 120 trials, 64 chans, 416 samples 368 post_stim samples",
        "# 3.906000 msecs uV",
        f"# {condition}, trial {trial}",
    ]
    for place, name in enumerate(names):
        lines.append(f"# {name} chan {place}")
        lines += [f"{trial} {name} {sample} {value:.3f}" for sample, value in enumerate(values[place])]
    path = root / subject / f"{subject}.rd.{trial:03d}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 1))
    return values


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(uci_eeg.pooch, "os_cache", lambda name: tmp_path / "cache" / name)


def test_values_are_volts_in_the_files_order_whatever_the_condition(tmp_path):
    written = [
        write_trial(tmp_path / "data", "co2a0000364", 0, "S1 obj "),
        write_trial(tmp_path / "data", "co2a0000364", 27, "S2 nomatch"),
        write_trial(tmp_path / "data", "co2c0000337", 3, "S2 match "),
    ]
    trials = uci_eeg.load(tmp_path / "data")
    np.testing.assert_allclose(trials.signals, np.stack(written) * 1e-6, rtol=1e-6)
    assert [uci_eeg.CONDITIONS[place] for place in trials.conditions] == ["S1 obj", "S2 nomatch", "S2 match"]
    assert trials.subjects.tolist() == ["co2a0000364", "co2a0000364", "co2c0000337"]
    assert trials.names[1] == "co2a0000364.rd.027"


def test_electrodes_are_found_by_name(tmp_path):
    swapped = list(uci_eeg.ELECTRODES)
    swapped[0], swapped[5] = swapped[5], swapped[0]
    values = write_trial(tmp_path, "co2a0000364", 0, names=swapped)
    signals, condition = uci_eeg.read_trial(tmp_path / "co2a0000364/co2a0000364.rd.000.gz")
    np.testing.assert_allclose(signals[[0, 5]], values[[5, 0]] * 1e-6, rtol=1e-6)
    assert condition == "S1 obj"


def test_a_trial_in_both_archives_is_read_once_and_wrong_answers_are_counted(tmp_path):
    write_trial(tmp_path / "data/SMNI_CMI_TRAIN", "co2a0000364", 0)
    write_trial(tmp_path / "data/SMNI_CMI_TEST", "co2a0000364", 0)
    write_trial(tmp_path / "data/SMNI_CMI_TEST", "co2a0000364", 2, "S2 nomatch err")
    trials = uci_eeg.load(tmp_path / "data")
    assert len(trials) == 1
    assert trials.dropped == {"same trial in a second folder": 1, "answered wrongly (condition marked err)": 1}


def test_the_second_reading_takes_the_kept_arrays_and_a_damaged_store_is_read_anew(tmp_path, monkeypatch):
    write_trial(tmp_path / "data", "co2a0000364", 0)
    first = uci_eeg.load(tmp_path / "data")
    (kept,) = (tmp_path / "data").glob(".parsed-*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(uci_eeg, "_parse", lambda *arguments: pytest.fail("parsed again"))
        second = uci_eeg.load(tmp_path / "data")
    np.testing.assert_array_equal(first.signals, second.signals)
    assert first.sha256 == second.sha256
    kept.write_bytes(kept.read_bytes()[:1000])
    np.testing.assert_array_equal(uci_eeg.load(tmp_path / "data").signals, first.signals)


def test_a_changed_file_is_not_answered_from_the_store(tmp_path):
    write_trial(tmp_path / "data", "co2a0000364", 0)
    first = uci_eeg.load(tmp_path / "data")
    write_trial(tmp_path / "data", "co2a0000364", 0, seed=1)
    second = uci_eeg.load(tmp_path / "data")
    assert first.sha256 != second.sha256
    assert not np.array_equal(first.signals, second.signals)


def test_a_folder_that_cannot_be_written_keeps_its_arrays_in_the_cache(tmp_path, monkeypatch):
    write_trial(tmp_path / "data", "co2a0000364", 0)
    write = uci_eeg._write

    def refuse(place, arrays):
        if place.is_relative_to(tmp_path / "data"):
            raise PermissionError(13, "Permission denied")
        write(place, arrays)

    monkeypatch.setattr(uci_eeg, "_write", refuse)
    uci_eeg.load(tmp_path / "data")
    assert not list((tmp_path / "data").glob(".parsed-*"))
    assert len(list((tmp_path / "cache").rglob(".parsed-*.npz"))) == 1


def _damage(path: Path, change) -> None:
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes())), 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "expected"),
        (lambda text: text.replace(b"S1 obj", b"S9 obj"), "names no condition"),
        (lambda text: text.replace(b" AF7 ", b" XX9 "), "AF7 are missing"),
        (lambda text: text.replace(b"0 FP1 3 ", b"0 FP1 4 "), "not in order"),
        (lambda text: text.replace(b"0 FP1 3 ", b"0 FP1 3 many"), "expected lines of trial"),
        (lambda text: b"", "names no condition"),
    ],
)
def test_a_damaged_trial_is_named(tmp_path, change, message):
    write_trial(tmp_path, "co2a0000364", 0)
    path = tmp_path / "co2a0000364/co2a0000364.rd.000.gz"
    _damage(path, change)
    with pytest.raises(DataError, match=message) as error:
        uci_eeg.read_trial(path)
    assert str(path) in str(error.value)


def test_a_truncated_gzip_and_text_named_gz_are_named(tmp_path):
    write_trial(tmp_path, "co2a0000364", 0)
    path = tmp_path / "co2a0000364/co2a0000364.rd.000.gz"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DataError, match="truncated gzip"):
        uci_eeg.read_trial(path)
    path.write_text("not a gzip file")
    with pytest.raises(DataError, match=r"co2a0000364\.rd\.000\.gz"):
        uci_eeg.load(tmp_path)


def test_a_folder_without_trials_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match=r"<subject>\.rd\.<trial>\.gz"):
        uci_eeg.load(tmp_path)


@pytest.mark.skipif(
    not (Path(os.environ.get("DATASETS_DIR", "/nowhere")) / "uci-eeg").is_dir(),
    reason="the UCI EEG Database is not in $DATASETS_DIR",
)
def test_the_real_database():
    trials = uci_eeg.load(uci_eeg.folder())
    assert len(set(trials.subjects.tolist())) >= 14
    assert np.bincount(trials.conditions).min() > 200
    assert 3e-6 < trials.signals[:, : len(uci_eeg.ELECTRODES)].std() < 3e-5
    first = trials.signals[trials.names.tolist().index("co2a0000364.rd.000"), uci_eeg.ELECTRODES.index("FP1"), :3]
    np.testing.assert_allclose(first, [-8.921e-6, -8.433e-6, -2.574e-6], rtol=1e-5)
