"""What a trained network is worth to somebody with few pictures: its features, frozen, against training from scratch.

    make transfer-cifar10

takes five classes of CIFAR-10 for somebody's own, with 10, 100 and 1,000 training pictures each. A network of this app is trained on
the other five classes; its features, and those of MobileNetV2 from ImageNet, are computed once for every picture, and a logistic
regression is trained on them. The same network from scratch, on the same few pictures, is what they are compared with. All choices are
made on validation pictures; then each cell is tested once. Broken off and given again it goes on where it stopped. Writes a page, and,
unless settings were changed, the table into the app's README.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from apps.cifar10.config import Config, DataConfig, ResidualNetwork, Transfer
from apps.cifar10.presets import PRESETS
from datasets.cifar10 import CLASS_NAMES
from datasets.errors import DataError
from harness import report, results, runs, studies
from harness.command_line import parse
from harness.labelled_pictures import LabelledPictures
from harness.sections import Picture, Table, Text
from harness.settings import TrainingConfig
from harness.statistics import bootstrap, wilson

README = runs.ROOT / "apps" / "cifar10" / "README.md"
PRESET = "residual-cifar10"
"""Whose recipe trains the network on the other classes."""
NETWORKS = {
    "scratch": "from scratch",
    "other_classes": "frozen, trained on the other classes",
    "imagenet": "frozen MobileNetV2, ImageNet",
}
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Of the squared weights of the logistic regression; validation chooses."""
HEAD_STEPS = 300
"""Of the logistic regression, each over all its examples."""
LEARNING_RATES = (1e-3, 4e-3)
"""Of the training from scratch; validation chooses."""
COLUMNS = (
    "examples a class",
    "network",
    "test accuracy",
    "95 % interval",
    "gain over scratch",
    "95 % interval of the gain",
    "chosen",
)


@dataclass(frozen=True)
class Study:
    """Settings of the measurement."""

    classes: tuple[str, ...] = ("automobile", "bird", "cat", "horse", "ship")
    """To learn with few pictures; the network of this app is trained on all others."""
    examples: tuple[int, ...] = (10, 100, 1000)
    """Training pictures a class; the few are among the many."""
    widths: tuple[int, ...] = (32, 64, 128)
    """Of the residual network, trained on the other classes and from scratch alike."""
    epochs: int = 8
    """Passes over the pictures of the other classes."""
    scratch_steps: int = 300
    """Of each training from scratch, with batches of up to 64 varied pictures."""
    seed: int = 1
    """Of every training, and of the draw of the few."""
    data: str = "cifar10"
    """"cifar10" or "demo"."""
    limit: int | None = None
    """Use at most so many training pictures of the classes, and of the others."""
    imagenet: bool = True
    """Measure MobileNetV2 as well."""
    output: Path = runs.RUNS / "cifar10-transfer"
    """Folder of index.html, and of a folder with the measured cells for each choice of settings."""


@dataclass(frozen=True)
class Cell:
    """One network with so many examples."""

    network: str
    examples: int
    right: np.ndarray
    """bool [test pictures]."""
    validation: float
    """Accuracy on the validation pictures, by which `chosen` was chosen."""
    chosen: str

    @property
    def accuracy(self) -> float:
        """Share of the test pictures answered rightly."""
        return float(self.right.mean())

    @property
    def interval95(self) -> tuple[float, float]:
        """Wilson's, over the test pictures."""
        return wilson(int(self.right.sum()), len(self.right))


def few(split: LabelledPictures, count: int, seed: int) -> LabelledPictures:
    """Returns `count` pictures of every class, drawn so that those of a smaller count are among those of a larger.

    Raises:
        DataError: a class has fewer.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    chosen = [order[split.labels[order] == label][:count] for label in np.unique(split.labels)]
    fewest = min(len(places) for places in chosen)
    if fewest < count:
        raise DataError(f"--examples {count}: a class has {fewest} training pictures; ask for as many or fewer")
    return split.subset(np.concatenate(chosen))


def logistic_regression(features: np.ndarray, labels: np.ndarray, classes: int, penalty: float) -> Any:
    """Trains a softmax classifier on features [n, values], standardised by their own mean and deviation, from zero weights.

    It minimises the mean cross-entropy plus `penalty` times the sum of the squared weights, over all examples at once.

    Returns:
        keras.Model: features -> logits [n, classes].
    """
    import keras
    import tensorflow as tf

    standardize = keras.layers.Normalization(name="standardize")
    standardize.adapt(features)
    head = keras.layers.Dense(
        classes, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(penalty), name="classifier"
    )
    model = keras.Sequential([keras.Input(features.shape[1:]), standardize, head])
    rate = keras.optimizers.schedules.CosineDecay(0.03, HEAD_STEPS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    everything = tf.data.Dataset.from_tensors(
        (features, labels)
    ).repeat()  # one epoch of many steps: epochs cost more than these
    model.fit(everything, steps_per_epoch=HEAD_STEPS, shuffle=False, verbose=0)
    return model


def on_features(network: str, splits: dict[str, LabelledPictures], examples: int, seed: int) -> Cell:
    """Returns the cell of the logistic regression on a frozen network's features, its penalty chosen on validation pictures.

    Args:
        splits: "train", "validation" and "test", with features [n, values] for pictures.
    """
    train, validation, test = few(splits["train"], examples, seed), splits["validation"], splits["test"]
    classes, tried = int(test.labels.max()) + 1, []
    for penalty in PENALTIES:
        model = logistic_regression(train.images, train.labels, classes, penalty)
        tried.append((accuracy_of(model, validation), penalty, model))
    accuracy, penalty, model = max(tried, key=lambda one: one[0])
    return Cell(network, examples, answers_of(model, test) == test.labels, accuracy, f"penalty {penalty:g}")


def answers_of(model: Any, split: LabelledPictures) -> np.ndarray:
    """Returns the most probable class int64 [n] of every example."""
    return model.predict(split.images.astype(np.float32), batch_size=500, verbose=0).argmax(axis=1)


def accuracy_of(model: Any, split: LabelledPictures) -> float:
    """Returns the share of the examples answered rightly."""
    return float((answers_of(model, split) == split.labels).mean())


def from_scratch(study: Study, spec: dict[str, Any], splits: dict[str, LabelledPictures], examples: int) -> Cell:
    """Returns the cell of the network trained on few pictures alone, its learning rate chosen on validation pictures."""
    import keras

    from apps.cifar10 import data, models
    from harness import devices
    from harness.optimizers import build_optimizer

    train, tried = splits["train"], []
    for rate in LEARNING_RATES:
        training = TrainingConfig(
            batch_size=min(64, len(train)), learning_rate=rate, warmup_fraction=0.1, weight_decay=0.05, seed=study.seed
        )
        config = Config(DataConfig(source=study.data), ResidualNetwork(widths=study.widths), training)
        devices.set_up(study.seed, training.precision)
        model = models.build(config, spec)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.model.label_smoothing)
        model.compile(optimizer=build_optimizer(training, study.scratch_steps), loss=loss)
        model.fit(
            data.batches(config, spec, train, True), steps_per_epoch=study.scratch_steps, shuffle=False, verbose=0
        )
        tried.append((accuracy_of(model, splits["validation"]), rate, model))
    accuracy, rate, model = max(tried, key=lambda one: one[0])
    right = answers_of(model, splits["test"]) == splits["test"].labels
    return Cell("scratch", examples, right, accuracy, f"learning rate {rate:g}")


def source_run(study: Study) -> Path:
    """Trains the network of this app on the other classes, unless that is done, and returns its run folder.

    Raises:
        DataError: it failed, or there are too few other classes.
    """
    others = tuple(name for name in class_names(study) if name not in study.classes)
    if len(others) < 2:
        raise DataError("--classes: leave two classes or more for the network to be trained on")
    settings = ["--data.source", study.data, "--data.classes", *others, "--model.widths", *map(str, study.widths)]
    settings += ["--data.limit", str(study.limit)] if study.limit else []
    settings += ["--training.epochs", str(study.epochs), "--training.batch-size", str(batch_size(study))]
    words = ["train", "--preset", PRESET, *settings, "--training.seed", str(study.seed)]
    if studies.run_command("cifar10", words):
        raise DataError(f"{PRESET}: could not be trained on {', '.join(others)}; what is above says why")
    return runs.seed_folder("cifar10", PRESET, parse("cifar10", Config, PRESETS, PRESET, words).config)


def batch_size(study: Study) -> int:
    """Returns the preset's, or less where few pictures are asked for."""
    return min(PRESETS[PRESET].config.training.batch_size, (study.limit or 10**6) // 4)


def class_names(study: Study) -> Sequence[str]:
    """Returns all classes of the data."""
    from datasets.synthetic import shapes

    return shapes.CLASS_NAMES if study.data == "demo" else CLASS_NAMES


def features_of(model: Transfer, splits: dict[str, LabelledPictures]) -> dict[str, LabelledPictures]:
    """Returns the splits with the features, float32 [n, values], that a frozen network makes of the pictures in their place."""
    import keras

    from apps.cifar10.features import outputs
    from apps.cifar10.models.transfer import trained_features

    network = keras.Model(*trained_features(model, splits["train"].images.shape[1]))
    return {name: LabelledPictures(outputs(network, split.images), split.labels) for name, split in splits.items()}


def run(study: Study) -> list[Cell]:
    """Measures every cell that is not measured yet, writes the page and returns the cells.

    Raises:
        DataError: unknown classes, too few pictures, or weights that are absent.
    """
    from apps.cifar10 import data
    from harness import devices

    devices.open_strategy("one")  # takes no more of a GPU's memory than it needs: source_run trains there too
    prepared = data.prepare(Config(DataConfig(source=study.data, classes=study.classes, limit=study.limit)))
    splits = {**prepared.splits, "train": few(prepared.splits["train"], max(study.examples), study.seed)}
    measured = [
        scratch_cells(study, prepared.spec, splits),
        frozen_cells(study, "other_classes", lambda: Transfer(network=str(source_run(study))), splits),
        *([frozen_cells(study, "imagenet", Transfer, splits)] if study.imagenet else []),
    ]
    cells: list[Cell] = []
    for cell in itertools.chain(*measured):
        runs.say(f"cifar10: {cell.examples} a class, {NETWORKS[cell.network]}: test accuracy {cell.accuracy:.2%}")
        cells.append(cell)
        page(study, cells)
    return cells


def scratch_cells(study: Study, spec: dict[str, Any], splits: dict[str, LabelledPictures]) -> Iterator[Cell]:
    """Yields the cells of the training from scratch."""
    for count in study.examples:
        some = {**splits, "train": few(splits["train"], count, study.seed)}
        yield kept(study, "scratch", count, functools.partial(from_scratch, study, spec, some, count))


def frozen_cells(
    study: Study, network: str, source: Callable[[], Transfer], splits: dict[str, LabelledPictures]
) -> Iterator[Cell]:
    """Yields the cells of a frozen network, whose features are computed once, and only where a cell is not measured yet."""
    features = functools.cache(lambda: features_of(source(), splits))
    for count in study.examples:
        yield kept(study, network, count, lambda count=count: on_features(network, features(), count, study.seed))


def kept(study: Study, network: str, examples: int, measure: Callable[[], Cell]) -> Cell:
    """Returns a cell measured before with the same settings, or measures and keeps it."""
    settings = dataclasses.replace(study, output=Path(), imagenet=True)
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    file = study.output / digest / f"{network}-{examples}.npz"
    if not file.is_file():
        cell = measure()
        runs.write_arrays(file, {"right": cell.right, "validation": cell.validation, "chosen": cell.chosen})
    stored = runs.read_arrays(file)
    return Cell(network, examples, stored["right"], float(stored["validation"]), str(stored["chosen"]))


def rows(cells: Sequence[Cell]) -> list[list[str]]:
    """Returns the table: for each number of examples every network, with its gain over the one from scratch."""
    scratch = {cell.examples: cell for cell in cells if cell.network == "scratch"}
    table = []
    for cell in sorted(cells, key=lambda cell: (cell.examples, list(NETWORKS).index(cell.network))):
        low, high = cell.interval95
        gain, between = "", ""
        if cell.network != "scratch":
            difference = cell.right.astype(float) - scratch[cell.examples].right
            gain = f"{100 * difference.mean():+.1f} points"
            between = " – ".join(f"{100 * bound:+.1f}" for bound in bootstrap(difference))
        table.append(
            [
                f"{cell.examples:,}",
                NETWORKS[cell.network],
                f"{cell.accuracy:.2%}",
                f"{low:.2%} – {high:.2%}",
                gain,
                between,
                cell.chosen,
            ]
        )
    return table


def accuracy_figure(cells: Sequence[Cell]) -> Figure:
    """Draws test accuracy against the number of examples a class."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for (network, name), colour in zip(NETWORKS.items(), ("#6b7280", "#2563eb", "#d97706"), strict=True):
        line = sorted((cell for cell in cells if cell.network == network), key=lambda cell: cell.examples)
        if not line:
            continue
        accuracy = np.array([cell.accuracy for cell in line])
        errors = np.abs(np.array([cell.interval95 for cell in line]).T - accuracy)
        axes.errorbar(
            [cell.examples for cell in line],
            100 * accuracy,
            100 * errors,
            marker="o",
            capsize=3,
            color=colour,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_xticks(
        sorted({cell.examples for cell in cells}), [f"{count:,}" for count in sorted({c.examples for c in cells})]
    )
    axes.minorticks_off()
    axes.set(xlabel="training pictures a class", ylabel="test accuracy, %")
    axes.grid(color="#e5e7eb")
    axes.legend(frameon=False)
    return figure


def page(study: Study, cells: Sequence[Cell]) -> Path:
    """Writes index.html with the table and the plot; nothing in it comes from the network."""
    sections = [
        Text("How it was measured", about(study, len(cells[0].right))),
        Table("Accuracy with few pictures", "", COLUMNS, rows(cells)),
        Picture("Accuracy against the number of pictures", "With Wilson's 95 % intervals.", accuracy_figure(cells)),
    ]
    return report.render_page(study.output / "index.html", "Transfer to few pictures", sections)


def about(study: Study, tested: int) -> str:
    """Returns the paragraph over the table."""
    widths = "-".join(map(str, study.widths))
    return (
        f"Classes {', '.join(study.classes)} of {study.data}; one draw of the pictures and one training each, seed {study.seed}; "
        f"intervals over {tested:,} test pictures, those of the gain by a paired bootstrap. From scratch: the residual network {widths} for "
        f"{study.scratch_steps} steps of up to 64 varied pictures, learning rate {' or '.join(f'{rate:g}' for rate in LEARNING_RATES)}. "
        f"Frozen: logistic regression on the features, penalty one of {', '.join(f'{one:g}' for one in PENALTIES)}; the same network "
        f"after {study.epochs} passes over the other classes, or MobileNetV2 alpha {Transfer().encoder_alpha} on pictures enlarged to "
        f"{Transfer().encoder_size} pixels. Learning rate and penalty are chosen on validation pictures that are the same for all."
    )


def write_readme(study: Study, cells: Sequence[Cell], file: Path = README) -> None:
    """Puts the table between the README's transfer marks.

    Raises:
        ValueError: the marks are missing.
    """
    table = results.markdown_table(COLUMNS, rows(cells))
    results.replace_between_marks(file, "transfer", f"{about(study, len(cells[0].right))}\n\n{table}")


def measure(study: Study) -> str:
    """Measures every cell, prints them, and writes the page, and the README of the study as it is by default; says where the page is."""
    cells = run(study)
    if dataclasses.replace(study, output=Study.output) == Study():
        write_readme(study, cells)
    for row in rows(cells):
        print("  ".join(row))
    return f"table and plot in {study.output / 'index.html'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the measurement from the command line."""
    return studies.main("cifar10", Study, __doc__, measure, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
