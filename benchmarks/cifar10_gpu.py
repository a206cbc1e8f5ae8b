"""How fast the speed-run networks of cifar10 train on this device: pictures a second, share of the peak, seconds to 94 %.

    python -m benchmarks.cifar10_gpu

Meant for a GPU, where it takes less than a minute; writes benchmarks/results/cifar10_gpu.json.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.cifar10.config import Config
from apps.cifar10.presets import PRESETS
from harness import runs, studies

RESULTS = runs.ROOT / "benchmarks" / "results"
PRODUCTS = 8
"""Matrix products timed together."""
ROUNDS = 3
WHITENING_SHARE = 3 / 8
"""Of all steps, in which the bias of the whitening learns: 3 passes of 8 in airbench94_muon."""


@dataclass(frozen=True)
class Benchmark:
    """Settings of the measurement."""

    preset: str = "speedrun-gpu-cifar10"
    """Whose training steps are timed, and whose precision all of it takes."""
    quick_preset: str = "speedrun-cifar10"
    """Trained until it reaches the target."""
    passes: tuple[int, ...] = (8, 9, 10, 12)
    """Lengths that are tried for the target, the shortest first; each is a training of its own, with a schedule of its own."""
    target: float = 0.94
    """Test accuracy."""
    steps: int = 30
    """Timed in each of three rounds."""
    matmul_size: int = 8192
    """Side of the square matrices that show the device's peak."""
    seed: int = 1
    """Of every training."""
    data: str = "cifar10"
    """"cifar10" or "demo"."""
    limit: int | None = None
    """Train on at most so many pictures."""
    batch_size: int | None = None
    """Of both presets; None: their own."""
    precision: str | None = None
    """float32, mixed_bfloat16 or mixed_float16; None: the preset's."""
    deterministic: bool = True
    """As --training.deterministic."""
    jit_compile: bool = False
    """As --training.jit-compile."""
    output: Path = RESULTS / "cifar10_gpu.json"
    """File of the results."""


def configuration(study: Benchmark, preset: str, passes: int | None = None) -> Config:
    """Returns a preset's configuration on the benchmark's data, in its precision, with so many passes; None: its own."""
    config = PRESETS[preset].config
    training = dataclasses.replace(
        config.training,
        seed=study.seed,
        batch_size=study.batch_size or config.training.batch_size,
        precision=study.precision or PRESETS[study.preset].config.training.precision,
        epochs=passes or config.training.epochs,
        deterministic=study.deterministic,
        jit_compile=study.jit_compile,
    )
    data = dataclasses.replace(config.data, source=study.data, limit=study.limit)
    return dataclasses.replace(config, data=data, training=training)


def compiled(config: Config, prepared: Any) -> tuple[Any, Any]:
    """Returns the phase of training and its new model, ready to train."""
    import keras

    from apps.cifar10.app import APP
    from harness.optimizers import build_optimizer

    [phase] = APP.phases(config, prepared.spec, prepared)
    training = config.training
    keras.utils.set_random_seed(training.seed)
    model = phase.build(None)
    steps = phase.steps_per_pass * training.epochs
    options = {**training.optimizer_options, "whitening_steps": max(1, round(WHITENING_SHARE * steps))}
    optimizer = build_optimizer(dataclasses.replace(training, optimizer_options=options), steps)
    model.compile(optimizer=optimizer, jit_compile=training.jit_compile, **phase.compile_arguments())
    return phase, model


def matmul_flops(size: int, dtype: str) -> float:
    """Returns the median speed of matrix products of a type on the default device, in FLOP/s."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_normal((size, size), seed=(0, 0)) / size**0.5, dtype)

    @tf.function
    def products(x):
        for _ in range(PRODUCTS):
            x = tf.linalg.matmul(x, matrix)
        return tf.reduce_sum(tf.cast(x, tf.float32))

    products(matrix).numpy()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        products(matrix).numpy()
        seconds.append(time.perf_counter() - start)
    return PRODUCTS * 2 * size**3 / statistics.median(seconds)


def speed(study: Benchmark, prepared: Any) -> dict[str, float]:
    """Returns pictures a second of training steps on one cached batch and with the input pipeline, and the share of the peak.

    Achieved FLOP/s are two for each multiply-add of a picture, three times over: forward, and backward for inputs and weights.
    """
    import tensorflow as tf

    from apps.cifar10.cost import layer_costs

    config = configuration(study, study.preset)
    phase, model = compiled(config, prepared)
    real = phase.batches(prepared.splits["train"], True)
    cached = tf.data.Dataset.from_tensors(next(iter(real))).repeat()
    measured = {}
    for name, dataset in (("cached_batch", cached), ("real_pipeline", real)):
        seconds = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            model.fit(dataset, steps_per_epoch=study.steps, verbose=0, shuffle=False)
            seconds.append((time.perf_counter() - start) / study.steps)
        measured[f"images_per_second_{name}"] = config.training.batch_size / statistics.median(seconds[1:])
    multiply_adds = sum(layer.state.multiply_adds for layer in layer_costs(model))
    peak = matmul_flops(study.matmul_size, model.compute_dtype)
    achieved = 6 * multiply_adds * measured["images_per_second_cached_batch"]
    return {
        **measured,
        "multiply_adds_per_picture": multiply_adds,
        "training_flop_per_picture": 6 * multiply_adds,
        "achieved_flop_per_second": achieved,
        "matmul_flop_per_second": peak,
        "share_of_matmul": achieved / peak,
    }


def timed_training(study: Benchmark, passes: int, prepared: Any) -> dict[str, float]:
    """Trains anew for so many passes; returns the test accuracy, and the seconds without and of the first step.

    The first step, which traces and chooses kernels, counts as long as the mean of the others.
    """
    import keras

    from apps.cifar10 import evaluate
    from harness.classification import metrics

    config = configuration(study, study.quick_preset, passes)
    phase, model = compiled(config, prepared)
    steps = phase.steps_per_pass * passes
    ends: list[float] = []

    def note(step, logs):
        if step == 0:
            float(logs["loss"])  # waits for the device
            ends.append(time.perf_counter())

    batches = phase.batches(prepared.splits["train"], True)
    start = time.perf_counter()
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
    seconds = (time.perf_counter() - ends[0]) * steps / max(1, steps - 1)
    predictions = evaluate.predict(config, prepared.spec, model, prepared.splits["test"])
    scores = metrics(predictions["labels"], predictions["probabilities"], prepared.spec["class_names"])
    return {
        "passes": passes,
        "accuracy": scores["accuracy"].value,
        "seconds": seconds,
        "first_step_seconds": ends[0] - start,
    }


def run(study: Benchmark) -> dict[str, Any]:
    """Measures speed, then trains for longer and longer until the target is reached; returns what the file holds."""
    from apps.cifar10.app import APP
    from harness import devices

    config = configuration(study, study.preset)
    devices.open_strategy("one")
    devices.set_up(study.seed, config.training.precision, study.deterministic)
    prepared = APP.prepare(config)
    speeds = speed(study, prepared)
    runs.say(
        f"cifar10: {speeds['images_per_second_cached_batch']:,.0f} pictures/s, {speeds['share_of_matmul']:.1%} of the peak"
    )
    trainings = []
    for passes in study.passes:
        trainings.append(timed_training(study, passes, prepared))
        runs.say(f"cifar10: {passes} passes: {trainings[-1]['accuracy']:.2%} in {trainings[-1]['seconds']:.1f} s")
        if trainings[-1]["accuracy"] >= study.target:
            break
    reached = trainings[-1]["accuracy"] >= study.target
    return {
        "settings": {**dataclasses.asdict(study), "output": study.output.name, "precision": config.training.precision},
        "speed": speeds,
        "trainings": trainings,
        "seconds_to_target": trainings[-1]["seconds"] if reached else None,
        "code": runs.code_version(),
        **devices.environment(),
    }


def measure(study: Benchmark) -> str:
    """Measures and writes the file; says where it is."""
    runs.write_json(study.output, run(study))
    return f"results in {study.output}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark from the command line."""
    return studies.main("cifar10", Benchmark, __doc__, measure, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
