"""The digits app: which function plays which role, for each kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from apps.digits import baselines, data, evaluate, figures, losses, models, serve, several_labels, tuning
from apps.digits.config import Config, Siamese
from apps.digits.verification import evaluate as pair_scores
from apps.digits.verification import figures as pair_figures
from apps.digits.verification import pairs
from apps.digits.verification import serve as pair_serving
from harness.app import App, Card, Headline, Phase, Prepared, each_alone, no_baselines, nothing_to_tune


@dataclass(frozen=True)
class Task:
    """A kind of answer: the functions that depend on it, each in the role that has its name in harness.app.App."""

    card: Callable[..., Card]
    compile_arguments: Callable[[Config], dict[str, Any]]
    """Loss and metrics; called under the strategy's scope."""
    batches: Callable[..., Any]
    """(config, spec, split, training, first_step) -> tf.data.Dataset."""
    predict: Callable[..., Any]
    evaluate: Callable[..., Any]
    figures: Callable[..., Any]
    endpoints: Callable[..., Any]
    examples: Callable[..., Any]
    read: Callable[..., Any]
    answer: Callable[..., Any]
    baselines: Callable[..., Any]
    checked: Callable[[Config, Prepared], Prepared]
    """Training data that suit the task; raises DataError where they cannot."""
    tune: Callable[..., Any] = nothing_to_tune
    questions: Callable[..., Any] = each_alone


CLASSIFICATION = Task(
    card=lambda config, spec: Card(
        task="Which digit a picture shows.",
        intended_use="Single handwritten digits, scanned or photographed, dark on light or light on dark, one digit a picture.",
        limits="Trained on one collection of digits. Several digits in one picture get one answer. A picture of something else is called no "
        "digit only where the network is less sure than of nearly all digits: the metrics no_digit_... say how often, by kind.",
    ),
    compile_arguments=lambda config: {
        "loss": losses.loss(config),
        "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    },
    batches=data.batches,
    predict=evaluate.predict,
    evaluate=evaluate.evaluate,
    figures=figures.figures,
    endpoints=serve.endpoints,
    examples=serve.examples,
    read=serve.read,
    answer=serve.answer,
    baselines=baselines.baselines,
    checked=lambda config, prepared: prepared,
    tune=tuning.tune,
)
SEVERAL_LABELS = Task(
    card=several_labels.card,
    compile_arguments=several_labels.compile_arguments,
    batches=data.batches,
    predict=several_labels.predict,
    evaluate=several_labels.evaluate,
    figures=several_labels.figures,
    endpoints=several_labels.endpoints,
    examples=serve.examples,
    read=serve.read,
    answer=several_labels.answer,
    baselines=no_baselines,
    checked=several_labels.checked,
    tune=several_labels.tune,
)
VERIFICATION = Task(
    card=pair_serving.card,
    compile_arguments=losses.of_pairs,
    batches=pairs.batches,
    predict=pair_scores.predict,
    evaluate=pair_scores.evaluate,
    figures=pair_figures.figures,
    endpoints=pair_serving.endpoints,
    examples=pair_serving.examples,
    read=pair_serving.read,
    answer=pair_serving.answer,
    baselines=pair_scores.baselines,
    checked=pairs.without_left_out,
    tune=pair_scores.tune,
    questions=pair_serving.questions,
)


def task(config: Config, spec: dict[str, Any]) -> Task:
    """Returns the kind of answer that a model gives: as its settings say, or the labels of its training data."""
    if isinstance(config.model, Siamese):
        return VERIFICATION
    return SEVERAL_LABELS if spec.get("several_labels") else CLASSIFICATION


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it, as the task wants them.

    Raises:
        DataError: absent or damaged data, or data that the task cannot be learnt from.
    """
    prepared = data.prepare(config, spec)
    return task(config, prepared.spec).checked(config, prepared) if spec is None else prepared


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the one phase of training."""
    kind = task(config, spec)

    def build(previous: Any) -> keras.Model:
        model = models.build(config, spec)
        return data.distort_in_training_step(model, config) if config.data.augment_on == "device" else model

    return [
        Phase(
            name="train",
            training=config.training,
            steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
            build=build,
            compile_arguments=lambda: kind.compile_arguments(config),
            batches=lambda split, training, first_step=0: kind.batches(config, spec, split, training, first_step),
        )
    ]


APP = App(
    name="digits",
    headline=Headline("accuracy", lower_is_better=False),
    card=lambda config, spec: task(config, spec).card(config, spec),
    prepare=prepare,
    phases=phases,
    predict=lambda config, spec, *rest: task(config, spec).predict(config, spec, *rest),
    evaluate=lambda config, spec, *rest: task(config, spec).evaluate(config, spec, *rest),
    figures=lambda config, spec, *rest: task(config, spec).figures(config, spec, *rest),
    endpoints=lambda config, spec, *rest: task(config, spec).endpoints(config, spec, *rest),
    examples=lambda config, spec, *rest: task(config, spec).examples(config, spec, *rest),
    read=lambda config, spec, *rest: task(config, spec).read(config, spec, *rest),
    answer=lambda config, spec, *rest: task(config, spec).answer(config, spec, *rest),
    file_types=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    questions=lambda config, spec, *rest: task(config, spec).questions(config, spec, *rest),
    baselines=lambda config, prepared: task(config, prepared.spec).baselines(config, prepared),
    tune=lambda config, spec, *rest: task(config, spec).tune(config, spec, *rest),
)
