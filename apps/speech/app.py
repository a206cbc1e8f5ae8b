"""The speech app: which function plays which role."""

from __future__ import annotations

from typing import Any

from apps.speech import data, evaluate, figures, models, serve, tuning
from apps.speech.config import Config
from datasets.audio import FILE_TYPES
from harness.app import App, Card, Headline, Phase, Prepared


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the one phase of training; the model brings its own loss (CTC)."""
    return [
        Phase(
            name="train",
            training=config.training,
            steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
            build=lambda previous: models.build(config, spec),
            compile_arguments=dict,
            batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
        )
    ]


APP = App(
    name="speech",
    headline=Headline("wer", lower_is_better=True),
    card=Card(
        task="What was said in a recording, letter by letter (connectionist temporal classification).",
        intended_use="Short English utterances of the kind it was trained on, one speaker close to the microphone, 16 kHz.",
        limits="The SavedModel has no language model: it spells what it hears, and words it never saw come out misspelt. Trained on little speech "
        "of few speakers; other accents, rooms, noise and vocabularies do worse.",
    ),
    prepare=data.prepare,
    phases=phases,
    predict=evaluate.predict,
    evaluate=evaluate.evaluate,
    tune=tuning.tune,
    figures=figures.figures,
    endpoints=serve.endpoints,
    examples=serve.examples,
    read=serve.read,
    answer=serve.answer,
    file_types=FILE_TYPES,
)
