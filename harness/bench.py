"""What a training step costs, and where: input pipeline, augmentation, harness, SavedModel."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from harness import devices, runs
from harness.app import Phase, Prepared
from harness.optimizers import build_optimizer
from harness.saved_model_check import decode
from harness.training import Guard, StopRequest

STEPS = 20
ROUNDS = 5


def bench(session: Any) -> dict[str, Any]:
    """Measures in interleaved rounds, medians: steps with the real pipeline, on one cached batch, and under a bare `fit`.

    Returns:
        times in milliseconds, `pipeline_ratio` (real pipeline over cached batch), `harness_ratio` (the harness' `fit` over
        a bare one, same pipeline), examples a second, and the SavedModel's latency where the run is exported.
    """
    target = session.targets()[0]
    prepared = session.prepared(target)
    devices.set_up(target.config.training.seed, target.config.training.precision)
    phase = session.app.phases(target.config, prepared.spec, prepared)[0]
    model = phase.build(None)
    model.compile(optimizer=build_optimizer(phase.training, STEPS * ROUNDS), **phase.compile_arguments())
    ways = _ways(phase, model, prepared)
    for way in ways.values():
        way()
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append((time.perf_counter() - start) / STEPS)
    step = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    return {
        "step_ms": step,
        "pipeline_ratio": step["real_pipeline"] / step["cached_batch"],
        "harness_ratio": step["harness"] / step["real_pipeline"],
        "examples_per_second": 1000 * phase.training.batch_size / step["harness"],
        "matmul_gflops": devices.matmul_gflops(),
        **_latency(session),
        **devices.environment(),
    }


def _ways(phase: Phase, model: keras.Model, prepared: Prepared) -> dict[str, Callable[[], Any]]:
    train = prepared.splits["train"]
    real = phase.batches(train, True)
    batch = next(iter(real))
    cached = tf.data.Dataset.from_tensors(batch).repeat()
    pipeline_only = iter(phase.batches(train, True))
    fit = {"steps_per_epoch": STEPS, "epochs": 1, "verbose": 0, "shuffle": False}
    return {
        "cached_batch": lambda: model.fit(cached, **fit),
        "real_pipeline": lambda: model.fit(real, **fit),
        "harness": lambda: model.fit(real, callbacks=[Guard(StopRequest())], **fit),
        "input_alone": lambda: [next(pipeline_only) for _ in range(STEPS)],
    }


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
