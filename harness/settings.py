"""Settings: the shared training configuration, presets, and dataclass <-> JSON. Free of TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

LATER = {"later": True}
"""Metadata of a setting that came after results were kept: at its default it leaves the names of runs as they were."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; the same in every app."""

    epochs: int = 10
    """Keras epochs: passes over the training data, or units of `steps_per_epoch` steps."""
    steps_per_epoch: int | None = None
    """Steps in one Keras epoch, the unit of saving; None: one pass over the training data."""
    batch_size: int = 128
    """Examples per step, over all devices together."""
    seed: int = 1
    """Of initial weights, dropout, shuffling and augmentation."""
    optimizer: str = "adamw"
    """Any Keras optimizer by name, or convolution_muon or nesterov_by_rank (harness/muon.py)."""
    optimizer_options: dict[str, float] = field(default_factory=dict)
    """Further arguments of the optimizer, e.g. `momentum 0.9 nesterov 1`; where a preset has some, one flag each, e.g.
    --training.optimizer-options.momentum 0.9."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    schedule: Literal["constant", "cosine", "linear", "exponential", "inverse_time"] = "cosine"
    """How the learning rate falls from its peak to `final_learning_rate` over all steps."""
    warmup_fraction: float = 0.0
    """Share of all steps over which the learning rate rises linearly from zero."""
    final_learning_rate: float = 0.0
    """Learning rate at the last step."""
    weight_decay: float | None = None
    """Decoupled weight decay (biases and normalisation parameters are left out)."""
    clip_norm: float | None = None
    """Largest norm of the gradient over all variables."""
    clip_value: float | None = None
    """Largest absolute value of a gradient's element."""
    ema_momentum: float | None = None
    """Momentum of an exponential moving average of the weights, which then validates and is kept."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Keras dtype policy; losses and the last layer stay in float32."""
    monitor: str = "val_loss"
    """Column of history.csv that chooses the best epoch; always of validation data."""
    monitor_mode: Literal["min", "max"] = "min"
    """Whether a lower or a higher value of `monitor` is better."""
    keep: Literal["best", "last"] = "best"
    """Which weights become model.keras."""
    early_stopping_patience: int | None = None
    """Validations without a better `monitor` before training stops; None: never."""
    validate_every: int = 1
    """Keras epochs between validations."""
    start_from: str | None = None
    """A run folder or .keras file whose layers of the same name and shape start the training."""
    tensorboard: bool = False
    """Write event files into the run's tensorboard/."""
    deterministic: bool = field(default=True, metadata=LATER)
    """The same settings and seed give the same weights on the same machine. Off: on a GPU sums may be taken in any order, which is
    faster, and two equal runs differ."""
    jit_compile: bool = field(default=False, metadata=LATER)
    """Compile the training step by XLA; a GPU may be faster for it, a CPU is not. Needs `deterministic` off."""


@dataclass(frozen=True)
class Preset:
    """A named configuration: a command, a run folder, a kept result and a row of the README at once."""

    config: Any
    catalogue: str
    """Row of the catalogue, e.g. "D1"."""
    title: str
    """The row's name in tables, e.g. "LeNet-5, max-pool form"."""
    literature: str = ""
    """The literature's figure on the preset's own data with its source, e.g. "0.95 % error (LeCun 1998)"."""


_AT_LEAST_ONE = (
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "early_stopping_patience",
    "validate_every",
    "limit",
    "labelled",
)
_ABOVE_ZERO = ("learning_rate", "clip_norm", "clip_value")
_BELOW_ONE = ("ema_momentum", "validation_fraction", "dropout")
_LARGEST_SEED = 2**31 - 1


def check(config: Any) -> None:
    """Checks the numbers that every app has, before anything is read or built.

    Raises:
        ValueError: a number out of its range; names the flag, what it takes and what it was given.
    """
    for group in dataclasses.fields(config):
        values = getattr(config, group.name)
        for item in dataclasses.fields(values):
            value = getattr(values, item.name)
            flag = f"--{group.name}.{item.name}".replace("_", "-")
            for number in _numbers(value):
                expected = _expected(group.name, item.name, number)
                if expected:
                    raise ValueError(f"{flag} {number}: expected {expected}")
            if item.name == "source" and not value.strip():
                raise ValueError("--data was given nothing: expected a data set's name, a folder or a file")
    if config.training.clip_norm is not None and config.training.clip_value is not None:
        raise ValueError(
            f"--training.clip-value {config.training.clip_value} beside --training.clip-norm {config.training.clip_norm}: "
            "gradients are clipped one way; turn the other off, e.g. with --training.clip-norm None"
        )
    if config.training.jit_compile and config.training.deterministic:
        raise ValueError(
            "--training.jit-compile: XLA's gradients are not all deterministic; pass --training.no-deterministic too"
        )


def _numbers(value: Any) -> list[float]:
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _expected(group: str, name: str, number: float) -> str | None:
    """Returns what would have been right, or None where the number is."""
    if not math.isfinite(number):
        return "a finite number"
    if name in _AT_LEAST_ONE:
        return None if number >= 1 else "1 or more"
    if name == "samples":  # compared with one another
        return None if number >= 2 else "2 or more"
    if name in _ABOVE_ZERO:
        return None if number > 0 else "a number above 0"
    if name in _BELOW_ONE or name.endswith("_dropout"):
        return None if 0 <= number < 1 else "0 or more and less than 1"
    if name == "warmup_fraction" or (group == "data" and name.endswith("_share")):
        return None if 0 <= number <= 1 else "0 to 1"
    if name == "seed":
        return None if 0 <= number <= _LARGEST_SEED else f"0 to {_LARGEST_SEED}"
    return None if number >= 0 or group == "model" else "0 or more"


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a nested dataclass as JSON values; a field whose type is a union of dataclasses carries its class name."""
    result: dict[str, Any] = {}
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if dataclasses.is_dataclass(value):
            value = {"class": type(value).__name__, **to_dict(value)}
        elif isinstance(value, tuple):
            value = list(value)
        result[item.name] = value
    return result


def from_dict(kind: type, values: dict[str, Any]) -> Any:
    """Rebuilds what `to_dict` wrote.

    Raises:
        ValueError: a key that the dataclass does not have, or a class its type does not name.
    """
    hints = typing.get_type_hints(kind)
    names = {item.name for item in dataclasses.fields(kind)}
    unknown = sorted(set(values) - names - {"class"})
    if unknown:
        raise ValueError(f"{kind.__name__} has no setting {', '.join(unknown)}; it has {', '.join(sorted(names))}")
    arguments = {}
    for name, value in values.items():
        if name == "class":
            continue
        if isinstance(value, dict) and "class" in value:
            value = from_dict(_class_named(hints[name], value["class"]), value)
        elif isinstance(value, list):
            value = tuple(value)
        arguments[name] = value
    return kind(**arguments)


def _class_named(hint: Any, name: str) -> type:
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) else (hint,)
    for choice in choices:
        if dataclasses.is_dataclass(choice) and choice.__name__ == name:
            return choice
    raise ValueError(f"no settings class {name}; expected one of {', '.join(c.__name__ for c in choices)}")


def identity(config: Any) -> str:
    """Returns eight hexadecimal digits that name the configuration, whatever its seed and fold."""
    values = to_dict(config)
    values["training"].pop("seed")
    values["data"].pop("fold", None)
    for group in dataclasses.fields(config):
        settings = getattr(config, group.name)
        items = dataclasses.fields(settings)
        for item in items:
            if item.metadata.get("later") and getattr(settings, item.name) == item.default:
                values[group.name].pop(item.name)
        if items and set(values[group.name]) == {"class"}:
            values.pop(group.name)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
