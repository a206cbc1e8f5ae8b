"""Who is tested, who validates and who trains: whole subjects, never trials of one subject on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from apps.eeg.config import DataConfig
from datasets.errors import DataError


def fold_names(data: DataConfig) -> list[str]:
    """Returns the folds to train one by one; none unless data.fold is "each"."""
    return [str(number + 1) for number in range(data.folds)] if data.fold == "each" else []


def deal(subjects: Sequence[str], groups: Sequence[str], data: DataConfig) -> list[list[str]]:
    """Deals the subjects to the folds so that every fold has its share of each group of people.

    Args:
        subjects: one name each, in any order.
        groups: the group of each, e.g. "a" for alcoholic and "c" for control.

    Raises:
        DataError: fewer subjects than folds.
    """
    if data.folds < 2 or len(subjects) < data.folds:
        raise DataError(f"{len(subjects)} subjects for {data.folds} folds; pass --data.folds with 2 to {len(subjects)}")
    folds: list[list[str]] = [[] for _ in range(data.folds)]
    generator = np.random.default_rng(data.seed)
    start = 0
    for group in sorted(set(groups)):
        members = sorted(name for name, g in zip(subjects, groups, strict=True) if g == group)
        if data.seed:
            members = [members[place] for place in generator.permutation(len(members))]
        for place, name in enumerate(members):
            folds[(start + place) % data.folds].append(name)
        start += len(members)
    return folds


def split_subjects(folds: Sequence[Sequence[str]], data: DataConfig) -> dict[str, list[str]]:
    """Returns "train", "validation" and "test" -> subjects, for the fold that data.fold names.

    Validation subjects are the first of the folds that follow the tested one.

    Raises:
        DataError: no such fold, or nobody left to train on.
    """
    names = [str(number + 1) for number in range(len(folds))]
    if data.fold not in (*names, "all"):
        raise DataError(f"--data.fold {data.fold}: expected one of {', '.join(names)}, all or each")
    tested = names.index(data.fold) if data.fold != "all" else len(folds)
    following = (
        [name for step in range(1, len(folds) + 1) for name in folds[(tested + step) % len(folds)]]
        if data.fold != "all"
        else [name for fold in folds for name in fold]
    )
    test = list(folds[tested]) if data.fold != "all" else []
    others = [name for name in following if name not in test]
    if len(others) <= data.validation_subjects:
        raise DataError(
            f"{len(others)} subjects are left beside the tested ones and {data.validation_subjects} of them would validate; "
            "pass a smaller --data.validation-subjects"
        )
    return {"train": others[data.validation_subjects :], "validation": others[: data.validation_subjects], "test": test}
