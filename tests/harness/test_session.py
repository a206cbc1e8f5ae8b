"""Which run a path means, and where the scores on a person's data go."""

import os

import pytest

from datasets.errors import DataError
from harness import session


def make_run(folder):
    folder.mkdir(parents=True)
    for name in ("config.json", "spec.json", "model.keras"):
        (folder / name).write_text("{}")


def test_a_run_is_named_by_its_folder_or_what_lies_in_it(tmp_path):
    run = tmp_path / "seed-1"
    make_run(run)
    for path in (run, run / "model.keras", run / "saved_model"):
        assert session.run_folder_of(path) == run
    with pytest.raises(DataError, match="elsewhere: no run there"):
        session.run_folder_of(tmp_path / "elsewhere")


def test_a_cross_validated_run_means_its_training_on_everybody(tmp_path):
    make_run(tmp_path / "seed-1" / "fold-1")
    with pytest.raises(DataError, match=r"seed-1: cross-validated.*export trains it"):
        session.run_folder_of(tmp_path / "seed-1")
    make_run(tmp_path / "seed-1" / "fold-all")
    assert session.run_folder_of(tmp_path / "seed-1") == tmp_path / "seed-1" / "fold-all"
    assert session.run_folder_of(tmp_path / "seed-1" / "fold-1") == tmp_path / "seed-1" / "fold-1"


def test_data_of_the_same_name_in_two_places_are_kept_apart(tmp_path, monkeypatch):
    files = [tmp_path / place / "manifest.csv" for place in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text("")
    names = [session.name_of(str(file)) for file in files]
    assert len(set(names)) == 2 and all(name.startswith("manifest.csv-") for name in names)
    monkeypatch.chdir(tmp_path / "a")
    assert session.name_of("manifest.csv") == session.name_of(os.path.join("..", "a", "manifest.csv")) == names[0]
    assert session.name_of(".").startswith("a-")
    assert session.name_of("demo") == "demo"
