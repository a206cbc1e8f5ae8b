"""Every architecture of the catalogue under one budget of time, in one table.

    make compare-cifar10

measures each preset's speed on the CPU, trains it for as many passes as the budget allows, evaluates it once on the test pictures, and
writes a page with the table and a plot of accuracy against cost. With budget, seed and data as they are by default each row is kept in
results/cifar10-comparison.json and in the app's README, so that `--presets` can measure them in parts, on several days or machines;
what is kept and no older than the code is not measured again. Broken off and given again it goes on where it stopped. With a GPU
at hand, plan without it (CUDA_VISIBLE_DEVICES= and --plan-only), then train with it: the budget stays one of the CPU.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from apps.cifar10 import budget
from apps.cifar10.config import Config
from apps.cifar10.presets import PRESETS
from datasets.errors import DataError
from harness import report, results, runs, studies
from harness.command_line import parse
from harness.formatting import metric_text, metric_value
from harness.sections import Picture, Table, Text
from harness.settings import identity
from harness.staleness import changed_since

README = runs.ROOT / "apps" / "cifar10" / "README.md"
KEPT = runs.ROOT / "results" / "cifar10-comparison.json"
COMPARED = (
    "alexnet-cifar10 vgg-cifar10 inception-cifar10 residual-cifar10 residual-bottleneck-cifar10 densenet-cifar10 "
    "mobilenet-cifar10 xception-cifar10 speedrun-cifar10 mlp-cifar10 autoencoder-classifier-end-to-end-cifar10"
).split()
COLUMNS = (
    "row", "preset", "accuracy, 95 % interval", "accuracy, one view", "weights", "multiply-adds", "passes", "pictures/s",
    "reference minutes",
)  # fmt: skip
OLDER_NOTE = "† older than the preset's settings or the code, or measured with uncommitted changes; `make compare-cifar10` measures it again."


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
    """"cifar10", "demo", or a folder with one subfolder of pictures a class."""
    plan_only: bool = False
    """Measure the presets' speed and write plan.json, no more."""
    output: Path = runs.RUNS / "cifar10-comparison"
    """Folder of index.html and plan.json."""


@dataclass(frozen=True)
class Row:
    """One preset's result."""

    preset: str
    catalogue: str
    accuracy: float
    interval95: tuple[float, float]
    one_view: float
    """Accuracy without the mean over several views of a picture."""
    parameters: int
    multiply_adds: int
    epochs: int
    images_per_second: float
    reference_minutes: float
    gpu: str | None = None
    """That it was trained on."""

    def cells(self) -> list[str]:
        """Returns the row of the table."""
        accuracy = {"value": self.accuracy, "interval95": self.interval95, "unit": "fraction"}
        return [
            self.catalogue,
            self.preset,
            metric_text("accuracy", accuracy),
            metric_value("accuracy", self.one_view, "fraction"),
            f"{self.parameters:,}",
            f"{self.multiply_adds / 1e6:,.1f} M",
            str(self.epochs),
            f"{self.images_per_second:,.0f}",
            f"{self.reference_minutes:.1f}",
        ]


@dataclass(frozen=True)
class Kept:
    """A row of the study as it is by default, and what it was measured with."""

    row: Row
    settings: str
    """Of the preset."""
    trained: str
    """Commit."""
    evaluated: str
    """Commit."""


def plan_of(study: Comparison, preset: str) -> budget.Plan:
    """Returns the passes that the preset's budget allows; measured once for its settings and data, kept in plan.json.

    Raises:
        DataError: it is to be measured, and a GPU is in use; or a plan.json that cannot be read.
    """
    file = study.output / "plan.json"
    config = configured(study, preset)
    key = f"{preset}-{identity(config)}, {study.data}, {study.minutes:g} reference minutes"
    plans = kept_plans(file)
    if key not in plans:
        plan = budget.planned(study.minutes, budget.minutes_per_pass(config))
        # read again: another process may have planned other presets meanwhile
        runs.write_json(file, {**kept_plans(file), key: dataclasses.asdict(plan)})
        return plan
    try:
        return budget.Plan(**plans[key])
    except TypeError:
        raise DataError(f"{file}: {key}: not a plan of this version; remove the file") from None


def kept_plans(file: Path) -> dict[str, Any]:
    """Returns what plan.json holds, nothing where there is none yet."""
    return runs.read_json(file) if file.is_file() else {}


def words_of(study: Comparison, preset: str, passes: int | None = None) -> list[str]:
    """Returns the flags of `python -m apps.cifar10` for the preset with the study's data and seed, and with so many passes; None:
    its own.

    The bias of a whitening convolution learns for the same share of the training as in the preset.
    """
    words = ["--preset", preset, "--data", study.data, "--training.seed", str(study.seed)]
    if passes is None:
        return words
    training = PRESETS[preset].config.training
    whitening = training.optimizer_options.get("whitening_steps")
    if whitening:
        scaled = max(1, round(whitening * passes / training.epochs))
        words += ["--training.optimizer-options.whitening-steps", str(scaled)]
    return [*words, "--training.epochs", str(passes)]


def configured(study: Comparison, preset: str, passes: int | None = None) -> Config:
    """Returns the configuration that `words_of` spells."""
    return parse("cifar10", Config, PRESETS, preset, ["train", *words_of(study, preset, passes)]).config


def is_up_to_date(folder: Path) -> bool:
    """Tells whether a run is trained, and evaluated at a commit whose code is that of today, uncommitted changes included."""
    if not all((folder / name).is_file() for name in ("model.keras", "metrics.json", "report.html")):
        return False
    document = runs.read_json(folder / "metrics.json")
    evaluated = document.get("evaluated", document["code"])
    return is_of_today(evaluated, evaluated)


def is_of_today(trained: str, evaluated: str) -> bool:
    """Tells whether the code is that of these commits, uncommitted changes included."""
    # what had not been committed then nobody knows
    if trained.endswith("-dirty") or evaluated.endswith("-dirty"):
        return False
    return changed_since("cifar10", trained, [evaluated], runs.ROOT) is None


def is_default(study: Comparison) -> bool:
    """Tells whether its rows are those that are kept: budget, seed and data are as by default."""
    return dataclasses.replace(study, output=Comparison.output, presets=Comparison.presets) == Comparison()


def kept_rows() -> dict[str, Kept]:
    """Returns what is kept of each preset.

    Raises:
        DataError: the file is damaged, or of another version.
    """
    try:
        found = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}
        return {preset: _kept(preset, stored) for preset, stored in found.items()}
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        raise DataError(f"{KEPT}: not rows of this version; remove the file, and they are measured again") from None


def _kept(preset: str, stored: dict[str, Any]) -> Kept:
    low, high = stored["row"]["interval95"]
    row = Row(**{**stored["row"], "interval95": (low, high)})
    kept = Kept(**{**stored, "row": row})
    words = row.catalogue, row.gpu or "", kept.settings, kept.trained, kept.evaluated
    counts = row.parameters, row.multiply_adds, row.epochs
    numbers = row.accuracy, low, high, row.one_view, *counts, row.images_per_second, row.reference_minutes
    if row.preset != preset or not all(isinstance(word, str) for word in words):
        raise TypeError
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise TypeError
    return kept


def kept_row(study: Comparison, preset: str) -> Row | None:
    """Returns the preset's kept row, None where there is none of this study, or its settings or the code have changed since."""
    kept = kept_rows().get(preset) if is_default(study) else None
    if kept is None or kept.settings != identity(configured(study, preset)):
        return None
    return kept.row if is_of_today(kept.trained, kept.evaluated) else None


def keep(study: Comparison, row: Row, trained: str, evaluated: str) -> None:
    """Keeps the row of a study as it is by default, with the commits that trained and evaluated it."""
    kept = Kept(row, identity(configured(study, row.preset)), trained, evaluated)
    # read again: another process may have kept other presets meanwhile
    rows = {**kept_rows(), row.preset: kept}
    runs.write_json(KEPT, {preset: dataclasses.asdict(kept) for preset, kept in rows.items()})


def row_of(preset: str, config: Any, plan: budget.Plan) -> Row:
    """Reads what a finished and evaluated run left behind; on a GPU the reference minutes are those of the plan."""
    from apps.cifar10 import models
    from apps.cifar10.cost import layer_costs

    folder = runs.seed_folder("cifar10", preset, config)
    metrics, training = runs.read_json(folder / "metrics.json"), runs.read_json(folder / "training.json")
    spec, counts = runs.read_json(folder / "spec.json"), runs.read_json(folder / "data.json")["counts"]
    seen = config.training.epochs * (counts["train"] // config.training.batch_size) * config.training.batch_size
    accuracy = metrics["metrics"]["accuracy"]
    one_view = metrics["metrics"].get("accuracy_one_view", accuracy)  # absent where the answer takes one view
    return Row(
        preset,
        PRESETS[preset].catalogue,
        accuracy["value"],
        tuple(accuracy["interval95"]),
        one_view["value"],
        training["parameters"],
        sum(layer.state.multiply_adds for layer in layer_costs(models.build(config, spec))),
        config.training.epochs,
        seen / training["seconds"],
        training["reference_minutes"] or plan.reference_minutes,
        runs.read_json(folder / "environment.json")["machine"]["gpu"],
    )


def run(study: Comparison) -> list[Row]:
    """Plans, trains and evaluates every preset and writes the page; returns the rows, the best first, none if it only plans.

    Raises:
        DataError: no budget, no preset, an unknown one, or one that failed.
    """
    import tensorflow as tf

    if not 0 < study.minutes < math.inf:
        raise DataError(f"--minutes {study.minutes:g}: expected a finite number above 0")
    if not study.presets:
        raise DataError(f"--presets: name one or several, or leave it out; there are {', '.join(PRESETS)}")
    tf.config.set_visible_devices([], "GPU")  # this process would take all of its memory before the trainings start
    unknown = sorted(set(study.presets) - set(PRESETS))
    if unknown:
        raise DataError(f"--presets {', '.join(unknown)}: there are {', '.join(PRESETS)}")
    kept = {preset: row for preset in study.presets if (row := kept_row(study, preset))}
    plans = {preset: plan_of(study, preset) for preset in study.presets if preset not in kept}
    if study.plan_only:
        return []
    rows = list(kept.values())
    for preset, plan in plans.items():
        rows.append(measured(study, preset, plan))
        page(study, by_accuracy(rows))  # after each, for whoever waits
    if not plans:
        page(study, by_accuracy(rows))
    return by_accuracy(rows)


def by_accuracy(rows: Sequence[Row]) -> list[Row]:
    """Returns the rows, the best first."""
    return sorted(rows, key=lambda row: -row.accuracy)


def measured(study: Comparison, preset: str, plan: budget.Plan) -> Row:
    """Trains and evaluates a preset, unless that is done; keeps its row where the study is the one by default.

    Raises:
        DataError: it failed.
    """
    config = configured(study, preset, plan.passes)
    folder = runs.seed_folder("cifar10", preset, config)
    train_and_evaluate(preset, words_of(study, preset, plan.passes), folder)
    row = row_of(preset, config, plan)
    if is_default(study):
        document = runs.read_json(folder / "metrics.json")
        keep(study, row, document["code"], document["evaluated"])
    return row


def train_and_evaluate(preset: str, words: Sequence[str], folder: Path) -> None:
    """Trains and evaluates a preset with the settings in `words`, unless its run folder shows that both are done.

    Raises:
        DataError: it failed.
    """
    if is_up_to_date(folder):
        runs.say(f"cifar10: {folder} is trained and evaluated already")
        return
    for verb in ("train", "evaluate"):
        if studies.run_command("cifar10", [verb, *words]):
            raise DataError(f"{preset}: could not {verb}; what is above says why")


def cost_figure(rows: Sequence[Row]) -> Figure:
    """Draws accuracy against multiply-adds of one picture."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        (low, high), millions = row.interval95, row.multiply_adds / 1e6
        axes.errorbar(
            millions, 100 * row.accuracy, [[100 * (row.accuracy - low)], [100 * (high - row.accuracy)]],
            color="#2563eb", marker="o", markersize=3 + (row.parameters / 1e5) ** 0.5, alpha=0.8,
        )  # fmt: skip
        axes.annotate(
            row.preset.removesuffix("-cifar10"), (millions, 100 * row.accuracy), (7, 5),
            textcoords="offset points", fontsize=8, parse_math=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.margins(x=0.12)
    axes.set_xlabel("million multiply-adds of one picture")
    axes.set_ylabel("test accuracy, %")
    axes.grid(color="#e5e7eb")
    return figure


def page(study: Comparison, rows: Sequence[Row]) -> Path:
    """Writes index.html with the table and the plot; nothing in it comes from the network."""
    sections = [
        Text("How it was measured", about(study, rows)),
        Table("Accuracy and cost", "", COLUMNS, [row.cells() for row in rows]),
        Picture("Accuracy against cost", "A point's area grows with the number of weights.", cost_figure(rows)),
    ]
    return report.render_page(study.output / "index.html", "Architectures compared", sections)


def about(study: Comparison, rows: Sequence[Row]) -> str:
    """Returns the sentences over the table."""
    on_gpu = [row for row in rows if row.gpu]
    where = ""
    if on_gpu:
        gpus = " and ".join(sorted({row.gpu for row in on_gpu}))
        which = "all" if len(on_gpu) == len(rows) else ", ".join(row.preset for row in on_gpu)
        where = (
            f" Trained on {gpus}: {which}; their pictures/s were measured there, their reference minutes are reckoned for these passes "
            "on a CPU."
        )
    return (
        f"Each trained for as many passes as fit {study.minutes:g} reference minutes of a CPU, as planned from a few measured steps, seed "
        f"{study.seed}, {study.data}; the intervals are over the test pictures, of one training.{where}"
    )


def write_readme(study: Comparison, rows: Sequence[Row], older: Sequence[Row] = ()) -> None:
    """Puts the table between the comparison marks of the app's README, its `older` rows marked.

    Raises:
        ValueError: the marks are missing.
    """
    shown = [dataclasses.replace(row, preset=f"{row.preset} †") if row in older else row for row in rows]
    table = results.markdown_table(COLUMNS, [row.cells() for row in shown])
    note = f"\n\n{OLDER_NOTE}" if older else ""
    results.replace_between_marks(README, "comparison", f"{about(study, rows)}\n\n{table}{note}")


def measure(study: Comparison) -> str:
    """Compares, prints the rows, and writes the page, and, of a study as it is by default, the kept rows of all presets into the
    README; says where the page is."""
    rows = run(study)
    if study.plan_only:
        return f"plan in {study.output / 'plan.json'}"
    if is_default(study):
        kept = {preset: kept.row for preset, kept in kept_rows().items() if preset in PRESETS}
        older = [row for preset, row in kept.items() if kept_row(study, preset) is None]
        write_readme(study, by_accuracy(list(kept.values())), older)
    for row in rows:
        print("  ".join(row.cells()))
    return f"table and plot in {study.output / 'index.html'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison from the command line."""
    return studies.main("cifar10", Comparison, __doc__, measure, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
