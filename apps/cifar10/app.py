"""The cifar10 app: which function plays which role."""

from __future__ import annotations

from typing import Any

import keras

from apps.cifar10 import data, evaluate, figures, models, serve, tuning
from apps.cifar10.config import AutoencoderClassifier, Config
from apps.cifar10.pretraining import autoencoder_phases
from apps.cifar10.weight_norm import WeightNorm
from harness.app import App, Card, Headline, Phase, Prepared


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the one phase of training, and those before it where an autoencoder is pre-trained."""
    train = data.with_labels(config.data, prepared.splits["train"])
    classify = Phase(
        name="train",
        training=config.training,
        steps_per_pass=len(train) // config.training.batch_size,
        build=lambda previous: models.build(config, spec),
        compile_arguments=lambda: {
            "loss": keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=config.model.label_smoothing
            ),
            "metrics": [keras.metrics.CategoricalAccuracy(name="accuracy")],
        },
        batches=lambda split, training, first_step=0: data.batches(
            config, spec, train if training else split, training, first_step
        ),
        callbacks=lambda: [WeightNorm()],
    )
    if isinstance(config.model, AutoencoderClassifier):
        return autoencoder_phases(config, spec, prepared, classify)
    return [classify]


APP = App(
    name="cifar10",
    headline=Headline("accuracy", lower_is_better=False),
    card=Card(
        task="Which of the classes a small colour picture shows.",
        intended_use="Pictures with one object of a trained class that fills most of the picture; they are cropped to a square "
        "and reduced to the network's size.",
        limits="Pictures of anything else still get one of the classes, often with a high probability; large pictures lose all "
        "fine detail.",
    ),
    prepare=data.prepare,
    phases=phases,
    tune=tuning.tune,
    predict=evaluate.predict,
    evaluate=evaluate.evaluate,
    figures=figures.figures,
    endpoints=serve.endpoints,
    examples=serve.examples,
    read=serve.read,
    answer=serve.answer,
    file_types=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
)
