"""One atomic checkpoint that holds all a run needs to go on bit for bit.

Keras' BackupAndRestore leaves out seed-generator states, callbacks and history; `model.variables` holds the former, and
each callback with get_state() and set_state() the latter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness.runs import read_arrays, write_arrays


def inner_optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    """Returns the optimizer inside a loss-scaling one, or the optimizer itself."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def save(path: Path, model: keras.Model, state: dict[str, Any]) -> None:
    """Writes weights, seed states, optimizer (with its moving averages) and `state` (JSON values) as one file."""
    arrays = {f"model/{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer/{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.optimizer.variables)}
    write_arrays(path, {**arrays, "state": np.array(json.dumps(state))})


def restore(path: Path, model: keras.Model) -> dict[str, Any]:
    """Reads a checkpoint into a built and compiled model and returns its `state`.

    Raises:
        ValueError: a checkpoint of another model.
    """
    arrays = read_arrays(path)
    _assign(path, model.variables, arrays, "model")
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign(path, model.optimizer.variables, arrays, "optimizer")
    return json.loads(str(arrays["state"]))


def save_weights(path: Path, model: keras.Model, averages: list[Any] | None = None) -> None:
    """Writes the model's weights, with the trainable ones replaced by their moving averages where given."""
    values = {id(v): v for v in model.weights}
    if averages:
        values |= {id(v): average for v, average in zip(model.trainable_variables, averages, strict=True)}
    write_arrays(path, {f"model/{i}": keras.ops.convert_to_numpy(values[id(v)]) for i, v in enumerate(model.weights)})


def restore_weights(path: Path, model: keras.Model) -> None:
    """Reads what `save_weights` wrote."""
    _assign(path, model.weights, read_arrays(path), "model")


def _assign(path: Path, variables: list[Any], arrays: dict[str, np.ndarray], prefix: str) -> None:
    stored = sum(name.startswith(prefix + "/") for name in arrays)
    if stored != len(variables):
        raise ValueError(
            f"{path} holds {stored} {prefix} variables, this one has {len(variables)}; pass --overwrite to start anew"
        )
    for i, variable in enumerate(variables):
        value = arrays[f"{prefix}/{i}"]
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"{path}: {variable.path} has shape {value.shape}, expected {tuple(variable.shape)}; pass --overwrite"
            )
        variable.assign(value)
