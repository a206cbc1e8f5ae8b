"""Answers of an exported model for a person's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import tensorflow as tf

from datasets.errors import DataError
from harness import runs
from harness.session import stored_spec

ROWS = 16
"""Of one question, answered at a time: what bounds the memory that a long file takes."""


def answers(
    session: Any, paths: Sequence[Path], output: Path
) -> Iterator[tuple[tuple[Path, ...], dict[str, Any] | DataError]]:
    """Yields the files and a row, or the error, for every question; folders are searched for the app's file types, and stderr says how
    many others are in them.

    Raises:
        DataError: the model is not exported, or a folder holds no such file.
    """
    app, folder = session.app, session.exported()
    saved = folder / "saved_model"
    model = _load(saved)
    spec = stored_spec(folder)
    signature = model.signatures[(saved / "assets.extra" / "endpoints.txt").read_text().split()[0]]
    for files in app.questions(session.config, spec, _files(paths, app)):
        try:
            inputs = app.read(session.config, spec, *files)
            values = _answered(signature, inputs)
        except DataError as error:
            yield files, error
            continue
        except tf.errors.InvalidArgumentError as error:
            yield files, DataError(f"{', '.join(map(str, files))}: {error.message}")
            continue
        yield files, app.answer(session.config, spec, files[0], values, output)


def _answered(signature: Callable[..., Mapping[str, Any]], inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the outputs for all rows of the inputs, of which a long file has many, few of them at a time."""
    rows = len(next(iter(inputs.values())))
    parts = [
        signature(**{name: tf.constant(value[start : start + ROWS]) for name, value in inputs.items()})
        for start in range(0, rows, ROWS)
    ]
    if len(parts) == 1:
        return {name: value.numpy() for name, value in parts[0].items()}
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def _load(saved: Path) -> Any:
    try:
        return tf.saved_model.load(str(saved))
    except (
        Exception
    ) as error:  # protocol buffers, file systems and resources each answer damage with errors of their own
        cause = " ".join(str(error).split())[:200]
        raise DataError(f"{saved}: not a SavedModel that can be loaded ({cause}); export it again") from error


def _files(paths: Sequence[Path], app: Any) -> Iterator[Path]:
    types = ", ".join(app.file_types)
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if not p.is_dir())
        found = [p for p in inside if p.name.lower().endswith(tuple(app.file_types))]
        others = [p for p in sorted({*inside} - {*found}) if not p.name.startswith(".")]
        if not found:
            raise DataError(f"{path}: no file there ends in {types}")
        if others:
            first = others[0].relative_to(path)
            runs.say(
                f"{app.name}: {path}: files of other kinds passed over: {len(others):,}, first {first}; expected {types}"
            )
        yield from found


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Prints rows with their columns aligned; numbers short, lists as they are, a dash for what there is none of.

    A column of records, such as the words of a recording with their times, does not fit: its name is printed instead.
    """
    table = pandas.DataFrame(list(rows), dtype=object)
    of_records = [name for name in table if table[name].map(_is_records).any()]
    table = table.drop(columns=of_records)
    table = table.where(table.notna(), "-")
    with pandas.option_context("display.max_colwidth", 80, "display.width", 200, "display.max_columns", 20):
        print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    if of_records:
        print(f"with --json also: {', '.join(of_records)}")


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
