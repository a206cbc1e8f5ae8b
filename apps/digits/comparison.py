"""Activations and optimisers of the multilayer perceptron side by side, under one budget (catalogue row D3).

    python -m apps.digits.comparison

trains the MLP 784-256-256-256-256-10 with every activation, and then with every optimiser, each at the same number of learning
rates; the rate with the best validation accuracy is kept, and only its network answers the test pictures. Every training is
an ordinary run of `python -m apps.digits train` in its ordinary folder, so a comparison that was stopped goes on where it was,
and one with more learning rates trains the new ones only. Writes report.html and comparison.json, and of MNIST the README's tables.

As in the papers: `--units 1000 --limit None --epochs 60`.

Source: Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks", AISTATS 2011, section 4.1, table 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from apps.digits.config import Config
from apps.digits.presets import PRESETS
from harness import results, runs, studies
from harness.command_line import UsageError, parse
from harness.formatting import metric_interval, metric_value
from harness.sections import Picture, Table, Text
from harness.statistics import wilson

if TYPE_CHECKING:
    import keras

    from harness.app import App, Prepared
    from harness.labelled_pictures import LabelledPictures

PRESET = "mlp-relu-mnist"
"""Whose settings hold where the comparison says nothing."""
ACTIVATIONS = (
    "relu", "tanh", "softplus", "CentredSoftplus", "Absolute", "VReLU", "RReLU", "NoisyReLU", "APL", "Maxout",
)  # fmt: skip
LITERATURE = {"relu": 0.0143, "tanh": 0.0157, "softplus": 0.0177}
"""Test error with 4 layers of 1000 units, without pre-training (Glorot et al. 2011, table 1)."""
_MOMENTUM = ("momentum", "0.9")
OPTIMIZERS = {
    "SGD": ("sgd", (), 0.1),
    "momentum": ("sgd", _MOMENTUM, 0.03),
    "Nesterov": ("sgd", (*_MOMENTUM, "nesterov", "1"), 0.03),
    "Adagrad": ("adagrad", (), 0.01),
    "Adadelta": ("adadelta", (), 1.0),
    "RMSprop": ("rmsprop", (), 0.001),
    "Adam": ("adam", (), 0.001),
    "Nadam": ("nadam", (), 0.001),
    "AdamW": ("adamw", ("weight_decay", "0.01"), 0.001),
}
"""Name -> Keras' name, its options, and the learning rate in the middle of those tried."""
OF_ACTIVATIONS, OF_OPTIMIZERS = "Adam", "relu"
"""The optimiser that every activation is trained by, and the activation that every optimiser trains."""
README = runs.ROOT / "apps" / "digits" / "README.md"
BATCH = 500
COLOURS = ("#2563eb", "#b3261e", "#1d6b35", "#d97706", "#7c3aed", "#0891b2", "#db2777", "#4b5563", "#84cc16", "#111827")


@dataclass(frozen=True)
class Comparison:
    """Settings of the comparison."""

    data: str = "mnist"
    """"mnist", "demo" (the UCI digits), or a folder with one subfolder a class."""
    limit: int | None = 10_000
    """Train and validate on at most so many pictures; None: on all."""
    epochs: int = 10
    """Passes over the training pictures."""
    layers: int = 4
    """Hidden layers."""
    units: int = 256
    """Units of each hidden layer."""
    initializer: str = "glorot_uniform"
    """Of the weights, by Keras' name."""
    learning_rates: int = 5
    """Tried for each member, half a decade apart."""
    seed: int = 1
    """Of the weights and the order of the pictures."""
    output: Path = runs.RUNS / "digits" / "comparison"
    """Folder of the page and the numbers; the trainings lie in their ordinary folders."""


@dataclass(frozen=True)
class Trial:
    """One training of a member at one learning rate."""

    learning_rate: float
    folder: Path
    accuracy: float | None
    """On the validation pictures, at the best epoch; None where the training diverged."""
    curve: list[float]
    """Accuracy on the validation pictures after each epoch."""
    minutes: float


@dataclass(frozen=True)
class Member:
    """One activation or optimiser: its trials, and what the chosen one does on the test pictures."""

    name: str
    trials: list[Trial]
    chosen: Trial | None
    """The one with the best validation accuracy; None where all diverged."""
    parameters: int = 0
    errors: int = 0
    """Of the test pictures."""
    zeros: tuple[float, ...] = ()
    """Share of exact zeros among the activations of each hidden layer, on the test pictures."""

    @property
    def at_the_edge(self) -> bool:
        """Tells whether the best learning rate is the smallest or largest tried, so that a better one may lie beyond."""
        rates = [trial.learning_rate for trial in self.trials]
        return self.chosen is not None and len(rates) > 1 and self.chosen.learning_rate in (min(rates), max(rates))


def learning_rates(middle: float, count: int) -> list[float]:
    """Returns `count` learning rates, half a decade apart, around `middle`.

    >>> learning_rates(0.001, 3)
    [0.000316, 0.001, 0.00316]
    """
    return [float(f"{middle * 10 ** (0.5 * (place - (count - 1) / 2)):.3g}") for place in range(count)]


def command(settings: Comparison, activation: str, optimizer: str, rate: float) -> list[str]:
    """Returns the arguments of `python -m apps.digits` that train one network."""
    name, options, _ = OPTIMIZERS[optimizer]
    return [
        "train", "--preset", PRESET, "--strategy", "one",
        "--data", settings.data, "--data.limit", str(settings.limit),
        "--model.activation", activation, "--model.layers", str(settings.layers), "--model.units", str(settings.units),
        "--model.initializer", settings.initializer, "--model.dropout", "0", "--model.input-dropout", "0",
        "--training.optimizer", name, *(("--training.optimizer-options", *options) if options else ()),
        "--training.learning-rate", str(rate), "--training.epochs", str(settings.epochs), "--training.batch-size", "64",
        "--training.weight-decay", "None", "--training.ema-momentum", "None", "--training.warmup-fraction", "0",
        "--training.seed", str(settings.seed),
    ]  # fmt: skip


def run(settings: Comparison) -> dict[str, list[Member]]:
    """Trains what is not trained yet, measures the chosen networks and writes page, numbers and README.

    Returns:
        the members of "activations" and of "optimizers".

    Raises:
        DataError: data that is absent or damaged.
        TrainingStopped: by a signal; the same command goes on.
        UsageError: a setting that the trainings refuse, or no learning rate to try.
    """
    if settings.learning_rates < 1:
        raise UsageError(f"--learning-rates {settings.learning_rates}: expected 1 or more")
    from apps.digits.app import APP

    config = parse("digits", Config, PRESETS, PRESET, command(settings, "relu", "Adam", 0.001)).config
    prepared = APP.prepare(config)
    app = replace(APP, prepare=lambda config, spec=None: prepared)
    groups = {
        "activations": {name: (name, OF_ACTIVATIONS) for name in ACTIVATIONS},
        "optimizers": {name: (OF_OPTIMIZERS, name) for name in OPTIMIZERS},
    }
    compared = {
        group: [member(settings, name, *pair, app, prepared) for name, pair in members.items()]
        for group, members in groups.items()
    }
    write(settings, compared, prepared)
    return compared


def member(settings: Comparison, name: str, activation: str, optimizer: str, app: App, prepared: Prepared) -> Member:
    """Trains one activation or optimiser at every learning rate and measures the best."""
    from harness.training import load_model

    rates = learning_rates(OPTIMIZERS[optimizer][2], settings.learning_rates)
    trials = [trial(command(settings, activation, optimizer, rate), rate, app) for rate in rates]
    able = [each for each in trials if each.accuracy is not None]
    if not able:
        runs.say(f"{name}: diverged at every learning rate")
        return Member(name, trials, None)
    chosen = max(able, key=lambda each: each.accuracy)
    model = load_model(chosen.folder / "model.keras")
    errors, zeros = measure(model, prepared.splits["test"])
    runs.say(f"{name}: learning rate {chosen.learning_rate:g}, test error {errors / len(prepared.splits['test']):.2%}")
    return Member(name, trials, chosen, model.count_params(), errors, zeros)


def trial(arguments: Sequence[str], rate: float, app: App) -> Trial:
    """Trains one network as the command line does, or takes the trained one from its folder."""
    import keras
    import pandas

    from harness.session import Session
    from harness.training import TrainingFailed

    session = Session.open(app, Config, PRESETS, parse("digits", Config, PRESETS, PRESET, arguments))
    keras.backend.clear_session()
    try:
        session.train()
    except TrainingFailed as error:
        runs.say(f"digits: learning rate {rate:g}: {error}")
        return Trial(rate, session.folder, None, [], 0.0)
    curve = pandas.read_csv(session.folder / "history.csv")["val_accuracy"].tolist()
    minutes = runs.read_json(session.folder / "training.json")["train_minutes"]
    return Trial(rate, session.folder, max(curve), curve, minutes)


def measure(model: keras.Model, test: LabelledPictures) -> tuple[int, tuple[float, ...]]:
    """Returns the number of wrong answers, and the share of exact zeros among each hidden layer's activations."""
    import keras

    hidden = [layer.output for layer in model.layers if layer.name.startswith("activation")]
    whole = keras.Model(model.input, [model.output, *hidden])
    errors, zeros = 0, np.zeros(len(hidden))
    for start in range(0, len(test), BATCH):
        logits, *outputs = whole(test.images[start : start + BATCH].astype(np.float32), training=False)
        labels = test.labels[start : start + BATCH]
        errors += int((np.asarray(logits).argmax(axis=1) != labels).sum())
        zeros += [float((np.asarray(output) == 0).mean()) * len(labels) for output in outputs]
    return errors, tuple(float(share) for share in zeros / len(test))


def write(settings: Comparison, compared: Mapping[str, list[Member]], prepared: Prepared) -> None:
    """Writes comparison.json and report.html, and of MNIST the tables of the README."""
    from harness import report

    test = len(prepared.splits["test"])
    counts = {name: len(split) for name, split in prepared.splits.items()}
    document = {
        "settings": {**vars(settings), "output": str(settings.output)},
        "dataset": {"name": prepared.source.name, "sha256": prepared.source.sha256, **counts},
        "code": runs.code_version(),
        **{group: [as_json(each, test) for each in members] for group, members in compared.items()},
    }
    runs.write_json(settings.output / "comparison.json", document)
    text, tables = about(settings, prepared.source.name, counts), tables_of(compared, test)
    report.render_page(
        settings.output / "report.html",
        "Activations and optimisers of the multilayer perceptron",
        [Text("How it was measured", text), *sections(compared, tables)],
    )
    if settings.data == "mnist":
        write_readme(text, tables)


def about(settings: Comparison, data: str, counts: Mapping[str, int]) -> str:
    """Returns the sentences over the tables."""
    return (
        f"{data}: {counts['train']:,} training, {counts['validation']:,} validation and {counts['test']:,} test pictures; "
        f"MLP with {settings.layers} hidden layers of {settings.units} units from {settings.initializer}, {settings.epochs} "
        f"passes in batches of 64, cosine schedule, seed {settings.seed}. Every member was trained at "
        f"{settings.learning_rates} learning rates half a decade apart; the validation pictures chose the rate and the epoch, "
        "and only the network chosen answered the test pictures. One seed: differences inside the intervals are none."
    )


def write_readme(text: str, tables: Sequence[Table], file: Path = README) -> None:
    """Puts the tables, whose caption is the same, between the README's comparison marks, under the sentences on how they were measured.

    Raises:
        ValueError: the marks are missing.
    """
    shown = [
        f"{table.title}:\n\n{results.markdown_table(table.columns, [[str(cell) for cell in row] for row in table.rows])}"
        for table in tables
    ]
    results.replace_between_marks(file, "comparison", "\n\n".join([text, *shown, tables[0].caption]))


def as_json(each: Member, test: int) -> dict[str, Any]:
    """Returns a member's numbers; rates are fractions."""
    values: dict[str, Any] = {
        "name": each.name,
        "trials": [
            {"learning_rate": t.learning_rate, "validation_accuracy": t.accuracy, "curve": t.curve, "minutes": t.minutes,
             "run": t.folder.parent.name + "/" + t.folder.name}
            for t in each.trials
        ],
    }  # fmt: skip
    if each.chosen is not None:
        values |= {
            "learning_rate": each.chosen.learning_rate,
            "at_the_edge": each.at_the_edge,
            "test_error_rate": each.errors / test,
            "interval95": list(wilson(each.errors, test)),
            "share_of_zeros": list(each.zeros),
            "parameters": each.parameters,
        }
    return values


def sections(compared: Mapping[str, list[Member]], tables: Sequence[Table]) -> list[Any]:
    """Returns the tables and figures of the page."""
    activations, optimizers = compared["activations"], compared["optimizers"]
    of_activations, of_optimizers = tables
    return [
        of_activations,
        curves("Activations: validation error over the epochs", activations),
        of_optimizers,
        curves("Optimisers: validation error over the epochs", optimizers),
        sensitivity(optimizers),
    ]


def tables_of(compared: Mapping[str, list[Member]], test: int) -> tuple[Table, Table]:
    """Returns the table of the activations and that of the optimisers."""
    return (
        _table(f"Activations, trained by {OF_ACTIVATIONS}", compared["activations"], test),
        _table(f"Optimisers, training {OF_OPTIMIZERS} units", compared["optimizers"], test),
    )


def _table(title: str, members: Sequence[Member], test: int) -> Table:
    columns = ["member", "test error", "95 % interval", "exact zeros", "learning rate", "weights", "paper*"]
    caption = (
        "Test error with its Wilson interval; share of exact zeros among all hidden activations on the test pictures. † the best "
        "rate is the smallest or largest tried: a better one may lie beyond. "
        "* Glorot et al. 2011, 4 layers of 1000 units on all 60,000 pictures, without pre-training."
    )
    return Table(title, caption, columns, [_row(each, test) for each in members])


def _row(each: Member, test: int) -> list[Any]:
    kind, unit = "error_rate", "fraction"
    paper = metric_value(kind, LITERATURE[each.name], unit) if each.name in LITERATURE else ""
    if each.chosen is None:
        return [each.name, "diverged", "", "", "", "", paper]
    error, interval = each.errors / test, wilson(each.errors, test)
    rate = f"{each.chosen.learning_rate:g}{' †' if each.at_the_edge else ''}"
    zeros = f"{100 * np.mean(each.zeros):.1f} %"
    return [
        each.name,
        metric_value(kind, error, unit),
        metric_interval(kind, interval, unit),
        zeros,
        rate,
        f"{each.parameters:,}",
        paper,
    ]


def curves(title: str, members: Sequence[Member]) -> Picture:
    """Draws the validation error of each chosen training over the epochs."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for each, colour in zip(members, COLOURS, strict=False):
        if each.chosen is not None:
            errors = 100 * (1 - np.array(each.chosen.curve))
            axes.plot(np.arange(1, len(errors) + 1), errors, "o-", markersize=3, color=colour, label=each.name)
    axes.set(xlabel="epoch", ylabel="validation error, %", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(color="#e5e7eb")
    axes.legend(fontsize=8, ncols=2)
    return Picture(title, "Of the learning rate that was chosen.", figure)


def sensitivity(members: Sequence[Member]) -> Picture:
    """Draws the validation error against the learning rate: how much tuning an optimiser wants."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for each, colour in zip(members, COLOURS, strict=False):
        able = [trial for trial in each.trials if trial.accuracy is not None]
        errors = [100 * (1 - trial.accuracy) for trial in able]
        axes.plot([t.learning_rate for t in able], errors, "o-", markersize=3, color=colour, label=each.name)
    axes.set(xlabel="learning rate", ylabel="validation error, %", xscale="log", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(color="#e5e7eb")
    axes.legend(fontsize=8, ncols=2)
    caption = "Best validation error at each learning rate tried; a training that diverged has no point."
    return Picture("Optimisers: the learning rate", caption, figure)


def compare(settings: Comparison) -> str:
    """Compares, and says where page and numbers are."""
    run(settings)
    return f"{settings.output / 'report.html'}, numbers in {settings.output / 'comparison.json'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison from the command line."""
    return studies.main("digits", Comparison, __doc__, compare, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
