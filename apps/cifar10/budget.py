"""How many passes over the training data fit a budget of time on a CPU."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datasets.errors import DataError
from harness.results import REFERENCE_GFLOPS

TIMED_STEPS = 5
TIMED_BATCH = 500
"""Pictures in a timed step, where the preset's batches are larger."""
MATRIX = 2048
"""Side of the matrices whose product is the yardstick."""


@dataclass(frozen=True)
class Plan:
    """How long one preset trains."""

    passes: int
    reference_minutes: float
    """Reckoned for these passes from a few steps on a CPU."""


def planned(budget: float, minutes_a_pass: float) -> Plan:
    """Returns the passes over the training data that fit a budget in reference minutes, one at least.

    Example:
        >>> planned(10.0, 1.5), planned(0.1, 1.5).passes
        (Plan(passes=6, reference_minutes=9.0), 1)
    """
    passes = max(1, int(budget / minutes_a_pass))
    return Plan(passes, passes * minutes_a_pass)


def minutes_per_pass(config: Any) -> float:
    """Measures a few training steps on the CPU; returns the reference minutes of one pass over the training data.

    The processor time of a step is compared with that of a matrix product right beside it, so that it matters little what else
    the machine does.

    Raises:
        DataError: a GPU is in use; its steps say nothing about a CPU. Or the training has several phases.
    """
    import tensorflow as tf

    from apps.cifar10.app import APP
    from harness import devices
    from harness.optimizers import build_optimizer

    if tf.config.list_physical_devices("GPU"):
        raise DataError("plan on the CPU first: the same command with --plan-only, and CUDA_VISIBLE_DEVICES= before it")
    batch_size = min(TIMED_BATCH, config.training.batch_size)
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, batch_size=batch_size))
    prepared = APP.prepare(config)
    devices.set_up(config.training.seed, config.training.precision)
    phase, *further = APP.phases(config, prepared.spec, prepared)
    if further:
        names = ", ".join(each.name for each in (phase, *further))
        raise DataError(
            f"a training in phases ({names}) is not planned by one budget; leave its preset out of --presets"
        )
    model = phase.build(None)
    model.compile(optimizer=build_optimizer(config.training, 100), **phase.compile_arguments())
    batches = iter(phase.batches(prepared.splits["train"], True))
    matrix = tf.random.stateless_normal((MATRIX, MATRIX), seed=(0, 0))
    product = tf.function(lambda x: tf.reduce_sum(tf.linalg.matmul(x, x)))
    pairs = [
        (
            _processor_seconds(lambda: model.train_on_batch(*next(batches))),
            _processor_seconds(lambda: product(matrix).numpy()),
        )
        for _ in range(TIMED_STEPS + 1)
    ]
    step, yardstick = (statistics.median(seconds) for seconds in zip(*pairs[1:], strict=True))  # the first ones trace
    steps = len(prepared.splits["train"]) / batch_size
    return steps * step / yardstick * 2 * MATRIX**3 / (REFERENCE_GFLOPS * 1e9) / 60


def _processor_seconds(way: Callable[[], Any]) -> float:
    start = time.process_time()
    way()
    return time.process_time() - start
