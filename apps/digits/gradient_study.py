"""The vanishing gradient, redrawn from real runs (catalogue row D7).

    python -m apps.digits.gradient_study

trains the MLP 784-30-30-30-30-10 with sigmoid and with ReLU units from four initialisations and writes two figures and their
numbers: how fast each hidden layer learns over the epochs, and how its activations are distributed before and after.

A network whose weights start too large may diverge; its curves then end there, and the figures say so.

Source: Nielsen, "Neural networks and deep learning", 2015, chapter 5; Glorot and Bengio, "Understanding the difficulty of
training deep feedforward neural networks", AISTATS 2010, figures 6 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas
from matplotlib.figure import Figure

from harness import runs, studies
from harness.command_line import UsageError

if TYPE_CHECKING:
    import keras

    from harness.labelled_pictures import LabelledPictures

ACTIVATIONS = ("sigmoid", "relu")
INITIALIZERS = {
    "Glorot": ("glorot_uniform", 0.0),
    "He": ("he_normal", 0.0),
    "too small (σ = 0.01)": ("NaiveGaussian", 0.01),
    "too large (σ = 1)": ("NaiveGaussian", 1.0),
}
"""Name in the figures -> initialiser and its standard deviation."""
HIDDEN_LAYERS, UNITS = 4, 30
PROBED = 1000
"""Training pictures on which gradients and activations are measured."""
COLOURS = ("#b3261e", "#d97706", "#1d6b35", "#2563eb")


@dataclass(frozen=True)
class Study:
    """Settings of the study."""

    data: str = "mnist"
    """"mnist", "demo" (the UCI digits), or a folder with one subfolder of pictures a class."""
    limit: int = 10_000
    """Train on at most so many pictures."""
    epochs: int = 30
    """Passes over the training pictures."""
    batch_size: int = 50
    """Pictures a step."""
    learning_rate: float = 0.1
    """Of plain stochastic gradient descent, constant."""
    seed: int = 1
    """Of the weights and the order of the pictures."""
    output: Path = runs.RUNS / "digits" / "gradient-study"
    """Folder of the figures and numbers."""


@dataclass(frozen=True)
class Observed:
    """What one training showed."""

    activation: str
    initializer: str
    speeds: np.ndarray
    """Gradient norm, float [epochs + 1, hidden layers]; the first row is before training; not finite once it diverged."""
    before: list[np.ndarray]
    """Activations of each hidden layer before training, [pictures, units]."""
    after: list[np.ndarray]
    """The same after training."""
    accuracy: float
    """On the training pictures, after training."""

    @property
    def diverged(self) -> bool:
        """Tells whether the weights grew beyond all bounds, as large ones do with ReLU: the exploding gradient."""
        return not np.isfinite(self.speeds).all()

    @property
    def outcome(self) -> str:
        """How the training ended, for a person."""
        return "diverged" if self.diverged else f"training accuracy {self.accuracy:.1%}"


def run(study: Study) -> list[Observed]:
    """Trains all eight networks and writes both figures, gradient_norms.csv and accuracies.csv into `study.output`.

    Raises:
        DataError: data that is absent or damaged.
        UsageError: no pass, no pictures a step or none at all.
    """
    for flag, number in (("epochs", study.epochs), ("batch-size", study.batch_size), ("limit", study.limit)):
        if number < 1:
            raise UsageError(f"--{flag} {number}: expected 1 or more")
    from apps.digits.config import Config, DataConfig
    from apps.digits.data import prepare

    prepared = prepare(Config(data=DataConfig(source=study.data, limit=study.limit)))
    train = prepared.splits["train"]
    observed = []
    for activation in ACTIVATIONS:
        for initializer in INITIALIZERS:
            observed.append(observe(study, activation, initializer, train, len(prepared.spec["class_names"])))
            runs.say(f"{activation}, {initializer}: {observed[-1].outcome}")
    about = f"{prepared.source.name}, {len(train):,} training pictures"
    _write_figure(study.output / "speed_of_learning.png", speed_figure(observed, about))
    _write_figure(study.output / "hidden_activations.png", activation_figure(observed, about))
    runs.write_text(study.output / "gradient_norms.csv", speed_table(observed).to_csv(index=False))
    accuracies = [(each.activation, each.initializer, each.accuracy) for each in observed]
    columns = ["activation", "initializer", "training_accuracy"]
    runs.write_text(study.output / "accuracies.csv", pandas.DataFrame(accuracies, columns=columns).to_csv(index=False))
    return observed


def observe(study: Study, activation: str, initializer: str, train: LabelledPictures, classes: int) -> Observed:
    """Trains one network by plain stochastic gradient descent and measures it before and after every epoch."""
    import keras

    from apps.digits.config import MLP
    from apps.digits.models.mlp import build_mlp

    keras.utils.set_random_seed(study.seed)
    name, stddev = INITIALIZERS[initializer]
    settings = MLP(layers=HIDDEN_LAYERS, units=UNITS, activation=activation, initializer=name, stddev=stddev)
    model = build_mlp(settings, classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(study.learning_rate), loss, metrics=["accuracy"])
    images, labels = train.images.astype(np.float32), train.labels
    probed = images[:PROBED], labels[:PROBED]
    before = hidden_activations(model, probed[0])
    speeds = [gradient_norms(model, *probed)]
    measure = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: speeds.append(gradient_norms(model, *probed))
    )
    model.fit(images, labels, study.batch_size, study.epochs, verbose=0, callbacks=[measure])
    answers = np.asarray(model(images, training=False)).argmax(axis=1)
    after = hidden_activations(model, probed[0])
    return Observed(activation, initializer, np.array(speeds), before, after, float((answers == labels).mean()))


def gradient_norms(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Returns the norm of the mean loss's gradient by each hidden layer's biases: the layer's speed of learning.

    Biases and not weights, so that all layers have the same number of them.
    """
    import tensorflow as tf

    biases = [layer.bias.value for layer in _hidden(model)]
    with tf.GradientTape() as tape:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images, training=False))
        loss = tf.reduce_mean(loss)
    return [float(tf.norm(gradient)) for gradient in tape.gradient(loss, biases)]


def hidden_activations(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Returns what every hidden layer puts out, [pictures, units] each."""
    import keras

    outputs = [model.get_layer(f"activation{number}").output for number in range(1, HIDDEN_LAYERS + 1)]
    return [np.asarray(part) for part in keras.Model(model.input, outputs)(images)]


def _hidden(model: keras.Model) -> list[keras.layers.Layer]:
    return [model.get_layer(f"dense{number}") for number in range(1, HIDDEN_LAYERS + 1)]


def speed_table(observed: Sequence[Observed]) -> pandas.DataFrame:
    """Returns one row a network, epoch and layer: activation, initializer, epoch, layer, gradient_norm."""
    rows = [
        (each.activation, each.initializer, epoch, layer + 1, float(norm))
        for each in observed
        for epoch, norms in enumerate(each.speeds)
        for layer, norm in enumerate(norms)
    ]
    return pandas.DataFrame(rows, columns=["activation", "initializer", "epoch", "layer", "gradient_norm"])


def speed_figure(observed: Sequence[Observed], about: str) -> Figure:
    """Draws the gradient norm of each hidden layer over the epochs, one panel a network."""
    figure = Figure(figsize=(13, 6), layout="constrained")
    panels = figure.subplots(len(ACTIVATIONS), len(INITIALIZERS), sharex=True, sharey="row", squeeze=False)
    smallest = 1e-9  # a dead layer's speed of zero is drawn at the lower edge
    for axes, each in zip(panels.flat, observed, strict=True):
        for layer, colour in enumerate(COLOURS):
            speeds = np.maximum(each.speeds[:, layer], smallest)
            axes.plot(speeds, "o-", markersize=2.5, color=colour, label=f"hidden layer {layer + 1}")
        axes.set_yscale("log")
        axes.set_title(f"{each.activation}, {each.initializer}\n{each.outcome}", fontsize=10)
        axes.grid(color="#e5e7eb")
    for axes in panels[:, 0]:
        axes.set_ylabel("gradient norm (biases)")
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    panels[0, 0].legend(fontsize=8)
    figure.suptitle(f"Speed of learning of each hidden layer, MLP 784-30-30-30-30-10 ({about})")
    return figure


def activation_figure(observed: Sequence[Observed], about: str) -> Figure:
    """Draws the histogram of every hidden layer's activations, one row a network, before (filled) and after training (line)."""
    figure = Figure(figsize=(13, 2.1 * len(observed)), layout="constrained")
    panels = figure.subplots(len(observed), HIDDEN_LAYERS, squeeze=False)
    for row, each in zip(panels, observed, strict=True):
        for layer, axes in enumerate(row):
            stages = [("before training", each.before[layer].ravel(), {"color": "#93c5fd"})]
            if not each.diverged:
                stages.append(("after", each.after[layer].ravel(), {"color": "#b3261e", "histtype": "step"}))
            everything = np.concatenate([values for _, values, _ in stages])
            top = 1.0 if each.activation == "sigmoid" else max(float(np.quantile(everything, 0.999)), 1e-3)
            for label, values, style in stages:
                axes.hist(values, np.linspace(0.0, top, 41), label=label, **style)
            axes.set_yscale("log")
            zeros = " / ".join(f"{np.mean(values == 0):.0%}" for _, values, _ in stages)
            axes.set_title(
                f"layer {layer + 1}" + ("" if each.activation == "sigmoid" else f", zero: {zeros}"), fontsize=9
            )
            axes.tick_params(labelsize=8)
        row[0].set_ylabel(f"{each.activation}\n{each.initializer}", fontsize=9)
    panels[0, 0].legend(fontsize=8)
    figure.suptitle(f"Activations of the hidden layers on {PROBED:,} pictures at most ({about})")
    return figure


def _write_figure(path: Path, figure: Figure) -> None:
    runs.write(path, lambda temporary: figure.savefig(temporary, format="png", dpi=110, facecolor="white"))


def draw(settings: Study) -> str:
    """Runs the study, and says where its figures are."""
    run(settings)
    return f"two figures and their numbers in {settings.output}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the study from the command line."""
    return studies.main("digits", Study, __doc__, draw, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
