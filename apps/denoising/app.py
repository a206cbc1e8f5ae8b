"""The denoising app: which function plays which role."""

from __future__ import annotations

from typing import Any

import keras

from apps.denoising import data, evaluate, figures, models, serve
from apps.denoising.config import Config
from apps.denoising.image_quality import psnr_metric
from harness.app import App, Card, Headline, Phase, Prepared


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the one phase of training."""
    return [
        Phase(
            name="train",
            training=config.training,
            steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
            build=lambda previous: models.build(config, spec),
            compile_arguments=lambda: {"loss": keras.losses.MeanSquaredError(), "metrics": [psnr_metric()]},
            batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
        )
    ]


APP = App(
    name="denoising",
    headline=Headline("psnr_db_200", lower_is_better=False),
    card=Card(
        task="Removes noise from pictures.",
        intended_use="Pictures with noise that is independent from pixel to pixel, near the level the model was trained at.",
        limits="Noise that is smooth, striped or signal-dependent (JPEG blocks, scanner lines) is not removed; fine texture below "
        "the noise is lost and may be replaced by something plausible: not for measurement or diagnosis.",
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
    file_types=data.FILE_TYPES,
    baselines=evaluate.baselines,
)
