"""What an application is: a frozen dataclass of plain functions, called in a fixed order by `harness.commands`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.settings import TrainingConfig

Spec = dict[str, Any]
"""What is learnt from the training data alone (labels, vocabulary, normalisation, shapes). JSON values only."""

Predictions = dict[str, Any]
"""Name -> NumPy array whose first axis runs over the examples (folds are joined by concatenation). No object arrays."""


@dataclass(frozen=True)
class Source:
    """The data set a run used, for metrics.json, the report and the model card."""

    name: str
    sha256: str
    """Of the files read, or of the arrays made; names the exact data a figure was measured on."""
    synthetic: bool = False
    notice: str = ""
    """Licence and acknowledgement."""


@dataclass(frozen=True)
class Prepared:
    """The data of one run."""

    splits: Mapping[str, Any]
    """"train", "validation" and "test" -> the app's own split value; each has a length."""
    spec: Spec
    source: Source
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of examples left out."""
    notes: Sequence[str] = ()
    """Sentences for the report's data section, e.g. which speakers validate."""
    left_out: Sequence[tuple[str, str]] = ()
    """File or row, and the reason why it was left out, where that can be said of each; `dropped` counts these too."""


@dataclass(frozen=True)
class Phase:
    """One call of `fit`. Most apps have one; pre-training then fine-tuning are two."""

    name: str
    training: TrainingConfig
    steps_per_pass: int
    """Batches in one pass over the training data; a Keras epoch unless training.steps_per_epoch is set."""
    build: Callable[[Any], Any]
    """Model of the phase before (None in the first) -> keras.Model, not yet compiled."""
    compile_arguments: Callable[[], dict[str, Any]]
    """`loss`, `metrics` and the like; the harness adds the optimizer. Called under the strategy's scope."""
    batches: Callable[..., Any]
    """(split, training: bool, first_step: int = 0) -> tf.data.Dataset; endless and resumable when training."""
    callbacks: Callable[[], list[Any]] = list
    """Extra keras.callbacks.Callback objects; one with get_state() and set_state(dict) is resumed as well."""


@dataclass(frozen=True)
class Metric:
    """One number of metrics.json."""

    value: float
    unit: str
    """"fraction", "dB", "count", ..."""
    examples: int
    interval95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Endpoint:
    """One signature of the SavedModel."""

    name: str
    function: Callable[..., Mapping[str, Any]]
    """Tensors in the order of `signature` -> name -> tensor."""
    signature: Sequence[Any]
    """tf.TensorSpec with names."""
    describes: str
    """Inputs and outputs with shapes and units, one line; stands in the model card."""


@dataclass(frozen=True)
class Card:
    """The parts of the model card that only a person can write."""

    task: str
    intended_use: str
    limits: str


@dataclass(frozen=True)
class Headline:
    """The metric of the app's row."""

    metric: str
    """Key of evaluate()'s answer, e.g. "wer"."""
    lower_is_better: bool


def no_baselines(config: Any, prepared: Prepared) -> dict[str, Predictions]:
    """The baselines of an app that has none."""
    return {}


def nothing_to_tune(config: Any, spec: Spec, model: Any, prepared: Prepared) -> dict[str, str]:
    """The choices of an app that makes none once its model is trained."""
    return {}


def no_folds(config: Any) -> Sequence[str]:
    """The folds of an app that is not cross-validated."""
    return ()


def each_alone(config: Any, spec: Spec, files: Iterable[Path]) -> Iterator[tuple[Path, ...]]:
    """The questions of an app that answers for every file by itself."""
    return ((file,) for file in files)


@dataclass(frozen=True)
class App:
    """The functions of one application, by role. `config` is always the app's own Config."""

    name: str
    headline: Headline
    card: Card | Callable[[Any, Spec], Card]
    """Or (config, spec) -> Card, where models of one app do different things."""
    prepare: Callable[..., Prepared]
    """(config, spec=None) -> Prepared. With the spec of a trained model, all examples of config.data.source become test examples."""
    phases: Callable[[Any, Spec, Prepared], Sequence[Phase]]
    predict: Callable[[Any, Spec, Any, Any], Predictions]
    """(config, spec, model, split) -> Predictions."""
    evaluate: Callable[[Any, Spec, Predictions], dict[str, Metric]]
    """Sees stored predictions only, never a model."""
    figures: Callable[[Any, Spec, Any, Any, Predictions], list[Any]]
    """(config, spec, model or None, Prepared or None, predictions) -> harness.sections of the report, in order. On a person's new
    data, Prepared has the test split alone."""
    endpoints: Callable[[Any, Spec, Any], Sequence[Endpoint]]
    """(config, spec, model) -> the SavedModel's signatures; the first is the one `predict` calls."""
    examples: Callable[[Any, Spec, Any], dict[str, dict[str, Any]]]
    """(config, spec, split) -> endpoint name -> input name -> array (bytes as object arrays): real inputs for the export check."""
    read: Callable[[Any, Spec, Path], dict[str, Any]]
    """(config, spec, *files of one question) -> input name -> array for the first endpoint, its leading axis 1, or the pieces of
    a file that is too long for one. Raises datasets.errors.DataError."""
    answer: Callable[[Any, Spec, Path, Mapping[str, Any], Path], dict[str, Any]]
    """(config, spec, first file of the question, endpoint outputs as NumPy arrays, output folder) -> one JSON row for the person
    who asked."""
    file_types: Sequence[str]
    """Endings `predict FOLDER` picks up, e.g. (".png", ".jpg")."""
    questions: Callable[[Any, Spec, Iterable[Path]], Iterable[tuple[Path, ...]]] = each_alone
    """(config, spec, files given to `predict`) -> the files of each question, for instance pairs to compare. Raises
    datasets.errors.DataError."""
    baselines: Callable[[Any, Prepared], dict[str, Predictions]] = no_baselines
    """Name -> Predictions of the same form as the model's, on the test split."""
    tune: Callable[[Any, Spec, Any, Prepared], dict[str, str]] = nothing_to_tune
    """(config, spec, model, prepared) -> file name -> text: what is chosen on the training and validation splits once the model is
    trained (a language model, its weight). Kept in the run's folder tuned/, and handed on in the spec under "tuned"."""
    folds: Callable[[Any], Sequence[str]] = no_folds
    """Values of config.data.fold to train one by one; their predictions are joined before evaluation."""
    tolerance: float = 1e-4
    """Largest difference between the model here and the SavedModel in a fresh process, absolute plus relative."""
