"""Every architecture of the catalogue under one budget of time, in one table.

    make compare-cifar10

measures each preset's speed, trains it for as many passes as the budget allows, evaluates it once on the test pictures, and writes a
page with the table and a plot of accuracy against cost, and the table into the app's README. Broken off and given again it goes on
where it stopped.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from apps.cifar10.presets import PRESETS
from datasets.errors import DataError
from harness import report, results, runs, studies
from harness.sections import Picture, Table, Text

README = runs.ROOT / "apps" / "cifar10" / "README.md"
COMPARED = (
    "alexnet-cifar10 vgg-cifar10 inception-cifar10 residual-cifar10 residual-bottleneck-cifar10 densenet-cifar10 "
    "mobilenet-cifar10 xception-cifar10 speedrun-cifar10 mlp-cifar10"
).split()
TIMED_STEPS = 5
COLUMNS = (
    "row", "preset", "accuracy", "95 % interval", "weights", "multiply-adds", "passes", "pictures/s", "reference minutes"
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Settings of the comparison."""

    minutes: float = 10.0
    """Budget of each training in reference minutes (of a machine that multiplies float32 matrices at 400 GFLOP/s)."""
    seed: int = 1
    """Of every training."""
    presets: tuple[str, ...] = tuple(COMPARED)
    """What to compare."""
    data: str = "cifar10"
    """"cifar10", "demo", or a folder with one subfolder of pictures a class; the README is written for cifar10 only."""
    output: Path = runs.RUNS / "cifar10-comparison"
    """Folder of index.html and plan.json."""


@dataclass(frozen=True)
class Row:
    """One preset's result."""

    preset: str
    catalogue: str
    accuracy: float
    interval95: tuple[float, float]
    parameters: int
    multiply_adds: int
    epochs: int
    images_per_second: float
    reference_minutes: float

    def cells(self) -> list[str]:
        """Returns the row of the table."""
        low, high = self.interval95
        return [
            self.catalogue,
            self.preset,
            f"{self.accuracy:.2%}",
            f"{low:.2%} – {high:.2%}",
            f"{self.parameters:,}",
            f"{self.multiply_adds / 1e6:,.1f} M",
            str(self.epochs),
            f"{self.images_per_second:,.0f}",
            f"{self.reference_minutes:.1f}",
        ]


def passes_for(budget_seconds: float, seconds_per_pass: float) -> int:
    """Returns the passes over the training data that fit a budget, one at least.

    Example:
        >>> passes_for(600.0, 90.0), passes_for(10.0, 90.0)
        (6, 1)
    """
    return max(1, int(budget_seconds / seconds_per_pass))


def seconds_per_pass(config: Any) -> tuple[float, float]:
    """Measures a few training steps; returns the seconds of one pass over the training data and the machine's GFLOP/s."""
    import keras

    from apps.cifar10.app import APP
    from harness import devices
    from harness.optimizers import build_optimizer

    prepared = APP.prepare(config)
    devices.set_up(config.training.seed, config.training.precision)
    [phase] = APP.phases(config, prepared.spec, prepared)
    model = phase.build(None)
    model.compile(optimizer=build_optimizer(config.training, 100), **phase.compile_arguments())
    batches = phase.batches(prepared.splits["train"], True)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    before = devices.matmul_gflops()
    model.fit(batches, steps_per_epoch=TIMED_STEPS, verbose=0, shuffle=False, callbacks=[clock])
    steps = [end - start for start, end in itertools.pairwise(ends)]
    gflops = statistics.median([before, devices.matmul_gflops()])
    return statistics.median(steps) * phase.steps_per_pass, gflops


def planned(study: Comparison, preset: str) -> Any:
    """Returns the preset's configuration with the passes that its budget allows; measured once, kept in plan.json."""
    config = PRESETS[preset].config
    data = dataclasses.replace(config.data, source=study.data)
    config = dataclasses.replace(config, data=data, training=dataclasses.replace(config.training, seed=study.seed))
    file = study.output / "plan.json"
    plan = runs.read_json(file) if file.is_file() else {}
    key = f"{preset}, {study.minutes:g} reference minutes"
    if key not in plan:
        one_pass, gflops = seconds_per_pass(config)
        plan[key] = passes_for(study.minutes * 60 * results.REFERENCE_GFLOPS / gflops, one_pass)
        runs.write_json(file, plan)
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=plan[key]))


def row_of(preset: str, config: Any) -> Row:
    """Reads what a finished and evaluated run left behind."""
    from apps.cifar10 import models
    from apps.cifar10.cost import layer_costs

    folder = runs.seed_folder("cifar10", preset, config)
    metrics, training = runs.read_json(folder / "metrics.json"), runs.read_json(folder / "training.json")
    spec, counts = runs.read_json(folder / "spec.json"), runs.read_json(folder / "data.json")["counts"]
    seen = config.training.epochs * (counts["train"] // config.training.batch_size) * config.training.batch_size
    accuracy = metrics["metrics"]["accuracy"]
    return Row(
        preset,
        PRESETS[preset].catalogue,
        accuracy["value"],
        tuple(accuracy["interval95"]),
        training["parameters"],
        sum(layer.state.multiply_adds for layer in layer_costs(models.build(config, spec))),
        config.training.epochs,
        seen / training["seconds"],
        training["reference_minutes"],
    )


def run(study: Comparison) -> list[Row]:
    """Plans, trains and evaluates every preset and writes the page; returns the rows, the best first.

    Raises:
        DataError: an unknown preset, or one that failed.
    """
    unknown = sorted(set(study.presets) - set(PRESETS))
    if unknown:
        raise DataError(f"--presets {', '.join(unknown)}: there are {', '.join(PRESETS)}")
    rows = []
    for preset in study.presets:
        config = planned(study, preset)
        settings = ["--data", study.data, "--training.epochs", str(config.training.epochs)]
        for verb in ("train", "evaluate"):
            words = [verb, "--preset", preset, *settings, "--training.seed", str(study.seed)]
            if subprocess.run([sys.executable, "-m", "apps.cifar10", *words], cwd=runs.ROOT).returncode:
                raise DataError(f"{preset}: could not {verb}; what is above says why")
        rows.append(row_of(preset, config))
        page(study, sorted(rows, key=lambda row: -row.accuracy))
    return sorted(rows, key=lambda row: -row.accuracy)


def cost_figure(rows: Sequence[Row]) -> Figure:
    """Draws accuracy against multiply-adds of one picture."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        low, high = row.interval95
        axes.errorbar(
            row.multiply_adds, 100 * row.accuracy, [[100 * (row.accuracy - low)], [100 * (high - row.accuracy)]],
            color="#2563eb", marker="o", markersize=3 + (row.parameters / 1e5) ** 0.5, alpha=0.8,
        )  # fmt: skip
        axes.annotate(
            row.preset.removesuffix("-cifar10"), (row.multiply_adds, 100 * row.accuracy), (7, 5),
            textcoords="offset points", fontsize=8, parse_math=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("multiply-adds of one picture")
    axes.set_ylabel("test accuracy, %")
    axes.grid(color="#e5e7eb")
    return figure


def page(study: Comparison, rows: Sequence[Row]) -> Path:
    """Writes index.html with the table and the plot; nothing in it comes from the network."""
    sections = [
        Text("How it was measured", about(study)),
        Table("Accuracy and cost", "", COLUMNS, [row.cells() for row in rows]),
        Picture("Accuracy against cost", "A point's area grows with the number of weights.", cost_figure(rows)),
    ]
    return report.render_page(study.output / "index.html", "Architectures compared", sections)


def about(study: Comparison) -> str:
    """Returns the sentence over the table."""
    return (
        f"Each trained for at most {study.minutes:g} reference minutes as planned from a few measured steps, seed {study.seed}, "
        f"{study.data}; the intervals are over the test pictures, of one training."
    )


def write_readme(study: Comparison, rows: Sequence[Row], file: Path = README) -> None:
    """Puts the table between the README's comparison marks.

    Raises:
        ValueError: the marks are missing.
    """
    table = results.markdown_table(COLUMNS, [row.cells() for row in rows])
    results.replace_between_marks(file, "comparison", f"{about(study)}\n\n{table}")


def measure(study: Comparison) -> str:
    """Compares, prints the rows, and writes page and README; says where the page is."""
    rows = run(study)
    if study.data == "cifar10":
        write_readme(study, rows)
    for row in rows:
        print("  ".join(row.cells()))
    return f"table and plot in {study.output / 'index.html'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison from the command line."""
    return studies.main("cifar10", Comparison, __doc__, measure, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
