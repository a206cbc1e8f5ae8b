"""Files with many rows are answered few at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from harness import predicting


@pytest.mark.parametrize(("rows", "calls"), [(1, [1]), (16, [16]), (40, [16, 16, 8])])
def test_no_call_has_more_than_sixteen_rows(rows, calls):
    seen = []

    def signature(numbers, names):
        seen.append(len(numbers))
        return {"doubled": 2 * numbers, "called": tf.strings.join([names, "!"])}

    inputs = {
        "numbers": np.arange(3 * rows, dtype=np.float32).reshape(rows, 3),
        "names": np.array([f"n{i}".encode() for i in range(rows)], object),
    }
    found = predicting._answered(signature, inputs)
    assert seen == calls
    np.testing.assert_array_equal(found["doubled"], 2 * inputs["numbers"])
    assert found["called"].tolist() == [f"n{i}!".encode() for i in range(rows)]


def test_a_folder_s_other_files_are_counted_and_its_subfolders_are_no_files(tmp_path, capsys):
    app = SimpleNamespace(name="speech", file_types=(".wav", ".flac"))
    (tmp_path / "dir.wav").mkdir()
    for name in ("b.WAV", "a.mp3", "notes.txt", ".DS_Store", "dir.wav/c.flac"):
        (tmp_path / name).touch()
    found = list(predicting._files([tmp_path / "given.mp3", tmp_path], app))
    assert found == [tmp_path / "given.mp3", tmp_path / "b.WAV", tmp_path / "dir.wav" / "c.flac"]
    [said] = capsys.readouterr().err.splitlines()
    assert said == f"speech: {tmp_path}: files of other kinds passed over: 2, first a.mp3; expected .wav, .flac"


def test_a_folder_of_the_app_s_files_alone_is_answered_without_a_word(tmp_path, capsys):
    (tmp_path / "a.wav").touch()
    assert len(list(predicting._files([tmp_path], SimpleNamespace(name="speech", file_types=(".wav",))))) == 1
    assert capsys.readouterr().err == ""


def test_the_table_has_a_dash_where_there_is_no_answer(capsys):
    rows = [
        {"file": "a.png", "digit": "3", "probability": 0.97126, "runner_up": "5", "labels": ["x", "y"]},
        {"file": "b.png", "digit": "no digit", "probability": None, "runner_up": None, "labels": []},
    ]
    predicting.print_table(rows)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["a.png", "3", "0.9713", "5", "[x,", "y]"]
    assert lines[2] == ["b.png", "no", "digit", "-", "-", "[]"]


def test_a_column_of_records_is_named_instead_of_shown(capsys):
    words = [{"word": "YES", "start": 0.1, "end": 0.4, "confidence": 0.9}]
    predicting.print_table(
        [{"file": "a.wav", "text": "", "words": []}, {"file": "b.wav", "text": "YES", "words": words}]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "text"]
    assert lines[-1] == "with --json also: words"
