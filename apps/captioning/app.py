"""The captioning app: which function plays which role."""

from __future__ import annotations

from typing import Any

from apps.captioning import data, evaluate, figures, models, self_critical, serve
from apps.captioning.config import Config
from harness.app import App, Card, Headline, Phase, Prepared
from shared_layers.losses.smoothed_crossentropy import SmoothedSparseCategoricalCrossentropy


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the phase that learns the captions word by word and, where it is asked for, the self-critical one."""
    word_by_word = Phase(
        name="train",
        training=config.training,
        steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
        build=lambda previous: models.build(config, spec),
        compile_arguments=lambda: {"loss": SmoothedSparseCategoricalCrossentropy(config.model.label_smoothing)},
        batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
    )
    return (
        [word_by_word, self_critical.phase(config, spec, prepared)] if config.self_critical.passes else [word_by_word]
    )


APP = App(
    name="captioning",
    headline=Headline("cider_d", lower_is_better=False),
    card=Card(
        task="A sentence that says what a picture shows.",
        intended_use="Photographs of everyday scenes; drafts of descriptions that a person reads over.",
        limits="Names only what its training captions name often, miscounts, guesses gender and age from clothing, and "
        "is no replacement for a description written by a person.",
    ),
    prepare=data.prepare,
    phases=phases,
    predict=evaluate.predict,
    evaluate=evaluate.evaluate,
    figures=figures.figures,
    endpoints=serve.endpoints,
    examples=serve.examples,
    read=serve.read,
    answer=serve.answer,
    file_types=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    baselines=evaluate.baselines,
)
