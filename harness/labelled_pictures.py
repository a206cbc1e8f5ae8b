"""Pictures with a class each, and their split into training, validation and test examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
    """int64 [n]."""

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
    labels: Sequence[int]
    class_names: Sequence[str]
    splits: Sequence[str] | None
    dropped: Mapping[str, int]


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
    images: np.ndarray,
    read: Sequence[int],
    sha256: str,
    learn: Learn,
    spec: Spec | None = None,
) -> Prepared:
    """Returns the data of a run on a person's own pictures; with the `spec` of a trained model, all become test examples.

    Args:
        images: uint8 [n, ...], what could be read of the listed pictures.
        read: the n places in the list.

    Raises:
        DataError: a class that the model does not know, or classes too small to split.
    """
    examples = LabelledPictures(images, np.array(listed.labels, np.int64)[read])
    given = None if listed.splits is None else np.array(listed.splits)[read]
    source = Source(Path(data.source).name, sha256)
    unreadable = len(listed.paths) - len(read)
    dropped = {**listed.dropped, **({"unreadable picture": unreadable} if unreadable else {})}
    if spec is None:
        parts = split_given(data.source, examples, given, data.seed)
        return prepared_pictures(data, parts, listed.class_names, source, learn, dropped)
    examples = known_classes(data.source, examples, listed.class_names, spec["class_names"])
    test = examples if given is None else examples.subset(np.flatnonzero(given == "test"))
    return Prepared({"test": test}, spec, source, dropped)


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
    return LabelledPictures(examples.images, places[examples.labels])


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

    Raises:
        DataError: classes too small for that.
    """
    if not share:
        return indices, indices[:0]
    try:
        return tuple(train_test_split(indices, test_size=share, random_state=seed, stratify=labels[indices]))
    except ValueError as error:
        raise DataError(
            f"{source}: {len(indices)} pictures cannot be split class by class into {share} and the rest ({error}); "
            "give every class more pictures, or pass a larger --data.validation-fraction or --data.limit"
        ) from error
