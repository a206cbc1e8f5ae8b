"""What a training step costs, and where: input pipeline, augmentation, harness, SavedModel."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness import devices, runs
from harness.app import Phase, Prepared
from harness.optimizers import build_optimizer
from harness.saved_model_check import decode
from harness.training import Guard, Keeper, Progress, StopRequest

ROUNDS = 8
LONGEST_STEP = 0.5
"""Seconds; where a step takes longer, its batch is made smaller, so that a round stays short and there can be several."""
ROUND_SECONDS = 1.5
MOST_STEPS = 20
WAYS = ("cached_batches", "real_pipeline", "harness")


class Clock(keras.callbacks.Callback):
    """Starts counting when the second epoch begins: pipelines have started by then. No hook a batch, which would cost time."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = np.array([time.perf_counter(), time.process_time()])

    def seconds(self) -> np.ndarray:
        """Returns the seconds since then by the wall's clock and of this process' threads together."""
        return np.array([time.perf_counter(), time.process_time()]) - self.start


def bench(session: Any) -> dict[str, Any]:
    """Measures the same steps three ways, in rounds whose order rotates: batches cached in memory, the real pipeline under a bare
    `fit`, and the real pipeline under the harness.

    Returns:
        medians over the rounds: times in milliseconds; `pipeline_ratio` (real pipeline over cached batches of the same round),
        `pipeline_ratio_without_augmentation` (the same, augmentation's cost taken off), `harness_ratio` (the harness' `fit` with
        its share of writing a checkpoint over a bare one, same pipeline), the last two once more in processor time, which other
        work on the machine does not stretch; examples a second, the batch size of all this (the preset's, or less where its
        step is long), and the SavedModel's latency where the run is exported.
    """
    target = session.targets()[0]
    prepared = session.prepared(target)
    training = target.config.training
    devices.set_up(training.seed, training.precision, training.deterministic)
    phase, model, steps = _phase_of_short_steps(session.app, target.config, prepared)
    train = prepared.splits["train"]
    rounds = [_round(phase, model, train, number, steps) for number in range(ROUNDS + 1)][1:]  # the first warms up
    seconds = {name: np.array([r[name] for r in rounds]) for name in rounds[0]}
    augmentation = np.maximum(0, np.median(seconds["input_alone"], axis=0) - _plain_input(phase, train))
    checkpoint = _checkpoint(phase, model)
    share = checkpoint / (phase.training.steps_per_epoch or phase.steps_per_pass)
    real, cached = seconds["real_pipeline"], seconds["cached_batches"]
    pipeline = np.median(real / cached, axis=0)
    without_augmentation = np.median((real - augmentation) / cached, axis=0)
    harness = np.median((seconds["harness"] + share) / real, axis=0)
    return {
        "preset": session.preset_name,
        "batch_size": phase.training.batch_size,
        "preset_batch_size": training.batch_size,
        "steps_a_round": steps,
        "rounds": ROUNDS,
        "step_ms": {name: 1000 * float(np.median(times[:, 0])) for name, times in seconds.items()},
        "augmentation_ms": 1000 * float(augmentation[0]),
        "checkpoint_ms": 1000 * float(checkpoint[0]),
        "pipeline_ratio": float(pipeline[0]),
        "pipeline_ratio_without_augmentation": float(without_augmentation[0]),
        "harness_ratio": float(harness[0]),
        "processor_time": {
            "pipeline_ratio": float(pipeline[1]),
            "pipeline_ratio_without_augmentation": float(without_augmentation[1]),
            "harness_ratio": float(harness[1]),
        },
        "examples_per_second": phase.training.batch_size / float(np.median(seconds["harness"][:, 0])),
        "matmul_gflops": devices.matmul_gflops(),
        **_latency(session),
        **devices.environment(),
    }


def _phase_of_short_steps(app: Any, config: Any, prepared: Prepared) -> tuple[Phase, keras.Model, int]:
    """Returns the first phase, its batch small enough for steps of half a second; its model, traced; and the steps of a round."""
    phase, model, seconds = _timed(app, config, prepared)
    if seconds > LONGEST_STEP:
        batch_size = max(1, int(config.training.batch_size * LONGEST_STEP / seconds))
        runs.say(f"a step of {seconds:.1f} s is too long to repeat often: measured with batches of {batch_size}")
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, batch_size=batch_size))
        phase, model, seconds = _timed(app, config, prepared)
    return phase, model, min(MOST_STEPS, max(2, round(ROUND_SECONDS / seconds)))


def _timed(app: Any, config: Any, prepared: Prepared) -> tuple[Phase, keras.Model, float]:
    """Returns the first phase, its compiled and traced model, and the seconds of one step."""
    phase = app.phases(config, prepared.spec, prepared)[0]
    model = phase.build(None)
    optimizer = build_optimizer(phase.training, 2 * MOST_STEPS * len(WAYS) * (ROUNDS + 1))
    model.compile(optimizer=optimizer, jit_compile=phase.training.jit_compile, **phase.compile_arguments())
    return phase, model, float(_fit(model, phase.batches(prepared.splits["train"], True), 1, [])[0])


def _fit(model: keras.Model, batches: tf.data.Dataset, steps: int, callbacks: list[Any]) -> np.ndarray:
    """Returns the seconds, wall and processor, that a step takes in the second of two epochs."""
    clock = Clock()
    fit = {"steps_per_epoch": steps, "epochs": 2, "verbose": 0, "shuffle": False}
    model.fit(batches, callbacks=[clock, *callbacks], **fit)
    return clock.seconds() / steps


def _round(phase: Phase, model: keras.Model, train: Any, number: int, steps: int) -> dict[str, np.ndarray]:
    """Returns the seconds a step of each way, and of reading alone, on the same batches."""
    runs.say(f"round {number} of {ROUNDS}: {steps} steps each of {', '.join(WAYS)}")
    first, needed = number * 2 * steps, 2 * steps
    real = phase.batches(train, True, first)
    cached = real.take(needed).cache().repeat()
    seconds = {"input_alone": _reading(cached, needed)}
    turn = number % len(WAYS)
    for way in WAYS[turn:] + WAYS[:turn]:
        callbacks = [Guard(StopRequest()), Progress(phase.name, 2, steps)] if way == "harness" else []
        seconds[way] = _fit(model, cached if way == "cached_batches" else real, steps, callbacks)
    return seconds


def _reading(cached: tf.data.Dataset, count: int) -> np.ndarray:
    """Returns the seconds that a batch takes once the pipeline has started; afterwards all `count` are cached."""
    iterator, clock = iter(cached), Clock()
    next(iterator)
    clock.on_epoch_begin(0)
    for _ in range(count - 1):
        next(iterator)
    seconds = clock.seconds()
    next(iterator)  # goes beyond the last, which closes the cache
    return seconds / (count - 1)


def _plain_input(phase: Phase, train: Any) -> np.ndarray:
    """Returns the seconds that a training batch takes to read without augmentation."""
    batches, clock = iter(phase.batches(train, False).repeat()), Clock()
    next(batches)
    clock.on_epoch_begin(0)
    examples = sum(len(tf.nest.flatten(next(batches))[0]) for _ in range(MOST_STEPS))
    return phase.training.batch_size * clock.seconds() / examples


def _checkpoint(phase: Phase, model: keras.Model) -> np.ndarray:
    """Returns the seconds that the end of an epoch takes which is the best so far: checkpoint, best weights, history."""
    better = 1.0 if phase.training.monitor_mode == "max" else -1.0
    times = []
    with tempfile.TemporaryDirectory() as folder:
        keeper, clock = Keeper(Path(folder), phase.name, phase.training, [], chief=True), Clock()
        keeper.set_model(model)
        keeper.on_train_begin()
        for epoch in range(3):
            clock.on_epoch_begin(epoch)
            keeper.on_epoch_end(epoch, {"loss": 1.0, phase.training.monitor: better * epoch})
            times.append(clock.seconds())
    return np.median(times, axis=0)


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
