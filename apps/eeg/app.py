"""The EEG app: which function plays which role."""

from __future__ import annotations

from typing import Any

import keras

from apps.eeg import baselines, data, evaluate, figures, folds, models, serve
from apps.eeg.config import Config
from harness.app import App, Card, Headline, Phase, Prepared


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the one phase of training."""
    return [
        Phase(
            name="train",
            training=config.training,
            steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
            build=lambda previous: models.build(config, spec),
            compile_arguments=lambda: {
                "loss": keras.losses.CategoricalCrossentropy(from_logits=True),
                "metrics": [keras.metrics.CategoricalAccuracy(name="accuracy")],
            },
            batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
        )
    ]


APP = App(
    name="eeg",
    headline=Headline("accuracy", lower_is_better=False),
    card=Card(
        task="In which condition of an experiment a second of EEG was recorded.",
        intended_use="One-second recordings that begin with a picture, from people who were not in the training data, with the "
        "electrodes and the rate that the signature names.",
        limits="Trained on few people in one laboratory; accuracy differs much from person to person. Not a medical device.",
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
    file_types=serve.FILE_TYPES,
    baselines=baselines.baselines,
    folds=lambda config: folds.fold_names(config.data),
)
