"""The digits app: which function plays which role."""

from __future__ import annotations

from typing import Any

import keras

from apps.digits import baselines, data, evaluate, figures, losses, models, serve, tuning
from apps.digits.config import Config
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
                "loss": losses.loss(config),
                "metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            },
            batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
        )
    ]


APP = App(
    name="digits",
    headline=Headline("accuracy", lower_is_better=False),
    card=Card(
        task="Which digit a picture shows.",
        intended_use="Single handwritten digits, scanned or photographed, dark on light or light on dark, one digit a picture.",
        limits="Trained on one collection of digits. Several digits in one picture get one answer. A picture of something else is called no "
        "digit only where the network is less sure than of nearly all digits: the metrics no_digit_... say how often, by kind.",
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
    file_types=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    baselines=baselines.baselines,
)
