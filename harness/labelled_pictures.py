"""Pictures with a class each, or several labels, and their split into training, validation and test examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sklearn.model_selection import train_test_split

from datasets.errors import DataError
from harness.app import Prepared, Source, Spec

TEST_SHARE = 0.2
"""Of a person's own pictures, where they do not say which ones are for the test."""


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures of one size with their classes."""

    images: np.ndarray
    """uint8 [n, height, width] or [n, height, width, 3]."""
    labels: np.ndarray
    """int64 [n]; where a picture may have several labels 0 or 1 for each class, int64 [n, classes]."""

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> LabelledPictures:
        """Returns the examples at `indices`."""
        return LabelledPictures(self.images[indices], self.labels[indices])


class Splitting(Protocol):
    """The settings, of an app's DataConfig, that say how its pictures are split."""

    source: str
    seed: int
    validation_fraction: float
    limit: int | None


class Listing(Protocol):
    """What was found in a person's folder or table: datasets.pictures.PictureList."""

    paths: Sequence[Path]
    labels: Sequence[int] | Sequence[tuple[int, ...]]
    class_names: Sequence[str]
    splits: Sequence[str] | None
    left_out: Sequence[tuple[str, str]]
    several_labels: bool


class Reading(Protocol):
    """What could be read of it: datasets.pictures.ReadPictures."""

    images: np.ndarray
    places: Sequence[int]
    left_out: Sequence[tuple[str, str]]


Learn = Callable[[LabelledPictures], Spec]
"""Training pictures -> what the spec holds beside the class names."""


def prepared_pictures(
    data: Splitting,
    parts: dict[str, LabelledPictures],
    class_names: Sequence[str],
    source: Source,
    learn: Learn,
    dropped: Mapping[str, int] | None = None,
) -> Prepared:
    """Returns the data of a run from "rest", "test" and maybe "validation"."""
    splits = training_and_validation(data.source, parts, data.validation_fraction, data.limit, data.seed)
    return Prepared(splits, {"class_names": list(class_names), **learn(splits["train"])}, source, dropped or {})


def prepared_own(
    data: Splitting,
    listed: Listing,
    read: Reading,
    sha256: str,
    learn: Learn,
    spec: Spec | None = None,
) -> Prepared:
    """Returns the data of a run on a person's own pictures; with the `spec` of a trained model, all become test examples.

    Where a picture may have several labels, the spec says so under "several_labels".

    Raises:
        DataError: a class that the model does not know, classes too small to split, or several labels for a model of one.
    """
    several = listed.several_labels if spec is None else bool(spec.get("several_labels"))
    if listed.several_labels and not several:
        raise DataError(
            f"{data.source}: several labels a picture (its column labels); the model gives one answer a picture"
        )
    labels = [listed.labels[place] for place in read.places]
    classes = len(listed.class_names)
    examples = LabelledPictures(read.images, several_hot(labels, classes) if several else np.array(labels, np.int64))
    given = None if listed.splits is None else np.array(listed.splits)[read.places]
    source = Source(Path(data.source).name, sha256)
    left_out = [*listed.left_out, *read.left_out]
    dropped = Counter(reason.partition(":")[0] for _, reason in left_out)
    if spec is None:
        parts = split_given(data.source, examples, given, data.seed)
        prepared = prepared_pictures(data, parts, listed.class_names, source, learn, dropped)
        if several:
            _check_labels(data.source, prepared)
            prepared = replace(prepared, spec={**prepared.spec, "several_labels": True})
        return replace(prepared, left_out=left_out)
    examples = known_classes(data.source, examples, listed.class_names, spec["class_names"])
    test = examples if given is None else examples.subset(np.flatnonzero(given == "test"))
    return Prepared({"test": test}, spec, source, dropped, left_out=left_out)


def several_hot(labels: Sequence[Any], classes: int) -> np.ndarray:
    """Returns 0 or 1 for each class, int64 [n, classes], of class numbers or tuples of them.

    >>> several_hot([(0, 2), (), 1], 3).tolist()
    [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    """
    table = np.zeros((len(labels), classes), np.int64)
    for row, label in zip(table, labels, strict=True):
        row[list(label) if isinstance(label, tuple) else label] = 1
    return table


def _check_labels(source: str, prepared: Prepared) -> None:
    """Checks that every label can be learnt and its threshold chosen."""
    for part in ("train", "validation"):
        split = prepared.splits[part]
        present = split.labels.any(axis=0)
        if len(split) and not present.all():
            missing = [name for name, there in zip(prepared.spec["class_names"], present, strict=True) if not there]
            raise DataError(
                f"{source}: no {part} picture has the label {', '.join(missing)}; give every label more pictures, or choose "
                "them in a column split"
            )


def known_classes(
    source: str, examples: LabelledPictures, class_names: Sequence[str], trained: Sequence[str]
) -> LabelledPictures:
    """Returns the examples with the labels of a trained model, whose classes are `trained`.

    Raises:
        DataError: a class that the model does not know.
    """
    unknown = sorted(set(class_names) - set(trained))
    if unknown:
        raise DataError(
            f"{source}: the model does not know the class {', '.join(unknown)}; it knows {', '.join(trained)}"
        )
    places = np.array([list(trained).index(name) for name in class_names])
    if examples.labels.ndim == 1:
        return LabelledPictures(examples.images, places[examples.labels])
    labels = np.zeros((len(examples), len(trained)), np.int64)
    labels[:, places] = examples.labels
    return LabelledPictures(examples.images, labels)


def split_given(
    source: str, examples: LabelledPictures, given: np.ndarray | None, seed: int
) -> dict[str, LabelledPictures]:
    """Splits a person's own pictures as they say, or else a fifth of every class for the test.

    Args:
        given: "train", "validation" or "test" of each example, or None.

    Returns:
        "rest" (to train and, unless "validation" is there too, to validate with), "test" and maybe "validation".
    """
    if given is None:
        rest, test = stratified(source, examples.labels, np.arange(len(examples)), TEST_SHARE, seed)
        return {"rest": examples.subset(rest), "test": examples.subset(test)}
    parts = {name: examples.subset(np.flatnonzero(given == name)) for name in ("train", "validation", "test")}
    parts["rest"] = parts.pop("train")
    return {name: part for name, part in parts.items() if len(part)}


def training_and_validation(
    source: str, parts: dict[str, LabelledPictures], validation_fraction: float, limit: int | None, seed: int
) -> dict[str, LabelledPictures]:
    """Returns the splits of a run, "train", "validation" and "test", from "rest", "test" and maybe "validation".

    Args:
        validation_fraction: share of every class that validates, unless "validation" is given.
        limit: use at most so many of "rest".
    """
    rest, validation = parts["rest"], parts.get("validation")
    indices = np.arange(len(rest))
    if limit and limit < len(rest):
        _, indices = stratified(source, rest.labels, indices, limit, seed)
    if validation is None:
        indices, chosen = stratified(source, rest.labels, indices, validation_fraction, seed)
        validation = rest.subset(chosen)
    return {"train": rest.subset(indices), "validation": validation, "test": parts["test"]}


def stratified(
    source: str, labels: np.ndarray, indices: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits `indices` into the rest and a seeded share (fraction, or number of examples) of every class alike.

    Where a picture may have several labels the share is drawn from all alike.

    Raises:
        DataError: classes too small for that.
    """
    if not share:
        return indices, indices[:0]
    classes = labels[indices] if labels.ndim == 1 else None
    try:
        return tuple(train_test_split(indices, test_size=share, random_state=seed, stratify=classes))
    except ValueError as error:
        raise DataError(
            f"{source}: {len(indices)} pictures cannot be split class by class into {share} and the rest ({error}); "
            "give every class more pictures, or pass a larger --data.validation-fraction or --data.limit"
        ) from error
