"""What a training step costs, and where: input pipeline, augmentation, harness, SavedModel."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from harness import devices, resume, runs
from harness.app import Phase
from harness.optimizers import build_optimizer
from harness.saved_model_check import decode
from harness.training import Guard, Progress, StopRequest

ROUNDS = 5
ROUND_SECONDS = 2.0
MOST_STEPS = 20


def bench(session: Any) -> dict[str, Any]:
    """Measures in interleaved rounds, medians: steps with the real pipeline, on one cached batch, and under a bare `fit`.

    Returns:
        times in milliseconds; `pipeline_ratio` (real pipeline over cached batch), `pipeline_ratio_without_augmentation` (the
        same, augmentation's cost taken off), `harness_ratio` (the harness' `fit` with its share of writing a checkpoint over
        a bare one, same pipeline), examples a second, and the SavedModel's latency where the run is exported.
    """
    target = session.targets()[0]
    prepared = session.prepared(target)
    settings = target.config.training
    devices.set_up(settings.seed, settings.precision, settings.deterministic)
    phase = session.app.phases(target.config, prepared.spec, prepared)[0]
    training, train = phase.training, prepared.splits["train"]
    model = phase.build(None)
    optimizer = build_optimizer(training, MOST_STEPS * ROUNDS)
    model.compile(optimizer=optimizer, jit_compile=training.jit_compile, **phase.compile_arguments())
    batch = next(iter(phase.batches(train, True)))
    steps = _steps_a_round(model, batch)
    step = _interleaved(_ways(phase, model, train, batch, steps), steps)
    augmentation = max(0.0, step["input_alone"] - _plain_input(phase, train))
    checkpoint = _checkpoint(model)
    steps_per_epoch = training.steps_per_epoch or phase.steps_per_pass
    return {
        "step_ms": step,
        "augmentation_ms": augmentation,
        "checkpoint_ms": checkpoint,
        "pipeline_ratio": step["real_pipeline"] / step["cached_batch"],
        "pipeline_ratio_without_augmentation": (step["real_pipeline"] - augmentation) / step["cached_batch"],
        "harness_ratio": (step["harness"] + checkpoint / steps_per_epoch) / step["real_pipeline"],
        "examples_per_second": 1000 * training.batch_size / step["harness"],
        "matmul_gflops": devices.matmul_gflops(),
        **_latency(session),
        **devices.environment(),
    }


def _steps_a_round(model: keras.Model, batch: Any) -> int:
    """Returns how many steps take about two seconds, 20 at most."""
    cached = tf.data.Dataset.from_tensors(batch).repeat()
    model.fit(cached, steps_per_epoch=2, verbose=0, shuffle=False)  # traces
    seconds = _seconds(lambda: model.fit(cached, steps_per_epoch=2, verbose=0, shuffle=False)) / 2
    return min(MOST_STEPS, max(2, round(ROUND_SECONDS / seconds)))


def _interleaved(ways: dict[str, Callable[[], Any]], steps: int) -> dict[str, float]:
    """Returns the median milliseconds a step of each way, after one round that does not count."""
    seconds = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        runs.say(f"round {number} of {ROUNDS}: {steps} steps each of {', '.join(ways)}")
        for name, way in ways.items():
            seconds[name].append(_seconds(way) / steps)
    return {name: 1000 * statistics.median(values[1:]) for name, values in seconds.items()}


def _seconds(way: Callable[[], Any]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def _ways(phase: Phase, model: keras.Model, train: Any, batch: Any, steps: int) -> dict[str, Callable[[], Any]]:
    real, cached = phase.batches(train, True), tf.data.Dataset.from_tensors(batch).repeat()
    pipeline_only = iter(phase.batches(train, True))
    fit = {"steps_per_epoch": steps, "epochs": 1, "verbose": 0, "shuffle": False}

    def under_harness() -> None:
        model.fit(real, callbacks=[Guard(StopRequest()), Progress(phase.name, 1, steps)], **fit)

    return {
        "cached_batch": lambda: model.fit(cached, **fit),
        "real_pipeline": lambda: model.fit(real, **fit),
        "harness": under_harness,
        "input_alone": lambda: [next(pipeline_only) for _ in range(steps)],
    }


def _plain_input(phase: Phase, train: Any) -> float:
    """Returns the milliseconds that a training batch takes to read without augmentation."""
    batches = iter(phase.batches(train, False).repeat())
    next(batches)
    times = []
    for _ in range(MOST_STEPS):
        start = time.perf_counter()
        examples = len(tf.nest.flatten(next(batches))[0])
        times.append((time.perf_counter() - start) / examples)
    return 1000 * phase.training.batch_size * statistics.median(times)


def _checkpoint(model: keras.Model) -> float:
    """Returns the milliseconds that one checkpoint takes."""
    with tempfile.TemporaryDirectory() as folder:
        times = [_seconds(lambda: resume.save(Path(folder) / "last.npz", model, {})) for _ in range(3)]
    return 1000 * statistics.median(times)


def _latency(session: Any) -> dict[str, Any]:
    saved = session.folder / "saved_model"
    if not saved.is_dir():
        return {}
    model = tf.saved_model.load(str(saved))
    measured = {}
    for endpoint, stored in runs.read_json(session.folder / "export_examples.json").items():
        inputs = {name: tf.constant(decode(value)[:1]) for name, value in stored["inputs"].items()}
        model.signatures[endpoint](**inputs)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            model.signatures[endpoint](**inputs)
            times.append(time.perf_counter() - start)
        measured[endpoint] = 1000 * statistics.median(times)
    return {"latency_ms": measured}
