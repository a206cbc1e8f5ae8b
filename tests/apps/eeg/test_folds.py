import pytest

from apps.eeg.config import DataConfig
from apps.eeg.folds import deal, fold_names, split_subjects
from datasets.errors import DataError

SUBJECTS = [f"co2a{i:07d}" for i in range(7)] + [f"co2c{i:07d}" for i in range(7)]
GROUPS = [name[3] for name in SUBJECTS]


@pytest.mark.parametrize("seed", [0, 3])
def test_every_fold_holds_one_of_each_group_and_every_subject_once(seed):
    folds = deal(SUBJECTS, GROUPS, DataConfig(seed=seed))
    assert [sorted(name[3] for name in fold) for fold in folds] == [["a", "c"]] * 7
    assert sorted(name for fold in folds for name in fold) == SUBJECTS


def test_no_subject_stands_in_two_splits_and_everybody_is_tested_once():
    data = DataConfig()
    folds = deal(SUBJECTS, GROUPS, data)
    tested = []
    for fold in fold_names(data):
        splits = split_subjects(folds, DataConfig(fold=fold))
        together = [name for people in splits.values() for name in people]
        assert sorted(together) == SUBJECTS
        assert [len(splits[name]) for name in ("train", "validation", "test")] == [10, 2, 2]
        assert {name[3] for name in splits["validation"]} == {"a", "c"}
        tested += splits["test"]
    assert sorted(tested) == SUBJECTS


def test_all_trains_on_everybody_but_those_who_validate():
    splits = split_subjects(deal(SUBJECTS, GROUPS, DataConfig()), DataConfig(fold="all"))
    assert splits["test"] == []
    assert len(splits["train"]) == 12
    splits = split_subjects(deal(SUBJECTS, GROUPS, DataConfig()), DataConfig(fold="all", validation_subjects=0))
    assert sorted(splits["train"]) == SUBJECTS


def test_uneven_groups_are_dealt_evenly():
    folds = deal(["a1", "a2", "a3", "b1", "b2", "b3"], ["a", "a", "a", "b", "b", "b"], DataConfig(folds=4))
    assert sorted(len(fold) for fold in folds) == [1, 1, 2, 2]


def test_only_each_is_cross_validated():
    assert fold_names(DataConfig(folds=3)) == ["1", "2", "3"]
    assert fold_names(DataConfig(fold="2")) == fold_names(DataConfig(fold="all")) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DataConfig(fold="9"), "--data.fold 9: expected one of 1, 2"),
        (DataConfig(fold="1", validation_subjects=12), "validation-subjects"),
    ],
)
def test_impossible_splits_say_what_to_pass(data, message):
    with pytest.raises(DataError, match=message):
        split_subjects(deal(SUBJECTS, GROUPS, data), data)


def test_fewer_subjects_than_folds_say_what_to_pass():
    with pytest.raises(DataError, match=r"3 subjects for 7 folds; pass --data\.folds"):
        deal(["p1", "p2", "p3"], ["", "", ""], DataConfig())
