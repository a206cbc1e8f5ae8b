"""Reads pickles of plain values and NumPy arrays without running anything that a pickle names."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from datasets.errors import DataError


class _Array:
    """What a pickled array leaves behind: its state, which no NumPy code has seen."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Type:
    """A pickled dtype: its name; byte order and the like, which single bytes do not have, are passed over."""

    def __init__(self, name: Any, *further: Any):
        self.name = name.decode("latin1") if isinstance(name, bytes) else name

    def __setstate__(self, state: Any) -> None:
        """Takes the state that NumPy writes."""


class _NotCalled:
    """Stands for numpy.ndarray, which is an argument in a pickled array, never called."""

    def __init__(self, *arguments: Any):
        raise pickle.UnpicklingError("an array built by calling numpy.ndarray")


def _reconstruct(*arguments: Any) -> _Array:
    return _Array()


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding}")
    return text.encode("latin1")


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _NotCalled,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no part of an array") from None


def read(content: bytes, source: str) -> Any:
    """Reads a pickle of numbers, text, lists, dictionaries and arrays of single bytes.

    Text that Python 2 wrote comes back as bytes.

    Args:
        content: the pickle; the caller bounds its length.
        source: the file's name, for errors.

    Returns:
        the value, its arrays as uint8 arrays that cannot be written to.

    Raises:
        DataError: damaged, or holding anything else; nothing of it has been run.
    """
    try:
        value = _Reader(io.BytesIO(content), encoding="bytes").load()
        if isinstance(value, dict):
            return {key: _to_numpy(item) for key, item in value.items()}
        return _to_numpy(value)
    except Exception as error:  # a damaged pickle is answered with errors of a dozen kinds
        cause = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(
            f"{source}: not a pickle of arrays, text and numbers ({cause}); take the official archive"
        ) from error


def _to_numpy(value: Any) -> Any:
    if not isinstance(value, _Array):
        return value
    _, shape, kind, column_major, content = value.state
    if kind.name != "u1":
        raise ValueError(f"an array of type {kind.name}, expected unsigned bytes")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if column_major else "C")
