"""The speech app: which function plays which role."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from apps.speech import data, decoding, diagnosis, evaluate, figures, models, serve, text, tuning
from apps.speech.config import Config, Framewise
from datasets.audio import FILE_TYPES
from harness import runs
from harness.app import App, Card, Headline, Phase, Prepared

DIAGNOSED = 32
"""Validation utterances, at most, that the diagnosis looks at; evenly spread."""


def phases(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Phase]:
    """Returns the training by CTC and, where the model is a framewise classifier, that on the alignment by the former."""
    framewise = isinstance(config.model, Framewise)
    by_ctc = Phase(
        name="ctc" if framewise else "train",
        training=config.training,
        steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
        build=lambda previous: models.build(config, spec),
        compile_arguments=dict,
        batches=lambda split, training, first_step=0: data.batches(config, spec, split, training, first_step),
        callbacks=lambda: _callbacks(config, spec, prepared),
    )
    return [by_ctc, _framewise_phase(config, spec, prepared)] if framewise else [by_ctc]


def _framewise_phase(config: Config, spec: dict[str, Any], prepared: Prepared) -> Phase:
    """Trains on recordings as they are, whose frames the CTC model has labelled once."""
    as_recorded = dataclasses.replace(config.data, speeds=(1.0,), noise_share=0.0, reverberation_share=0.0)
    config = dataclasses.replace(config, data=as_recorded)
    training = dataclasses.replace(
        config.training,
        epochs=max(1, round(config.model.epochs_share * config.training.epochs)),
        monitor="val_frame_error_rate",
    )
    train = prepared.splits["train"]
    targets: dict[str, list[np.ndarray]] = {}

    def build(ctc: Any) -> Any:
        for name in ("train", "validation"):
            targets[name] = decoding.aligned(config, spec, ctc, prepared.splits[name])
        return models.build(config, spec, ctc)

    def batches(split: Any, training: bool, first_step: int = 0) -> Any:
        labels = targets["train" if split is train else "validation"]
        return data.batches(config, spec, split, training, first_step, labels)

    return Phase(
        name="train",
        training=training,
        steps_per_pass=len(train) // training.batch_size,
        build=build,
        compile_arguments=dict,
        batches=batches,
    )


def _callbacks(config: Config, spec: dict[str, Any], prepared: Prepared) -> list[Any]:
    """Returns the diagnosis, having said which utterances cannot be aligned; nothing where nothing validates."""
    train, validation = prepared.splits["train"], prepared.splits["validation"]
    sentence = diagnosis.infeasible(dict(prepared.dropped), len(train), models.seconds_per_frame(config))
    if sentence:
        runs.say(f"speech: {sentence}")
    if not len(validation):
        return []
    batch = next(iter(data.batches(config, spec, validation.spread(DIAGNOSED), False)))
    characters = spec["characters"]
    classes = [label for transcript in train.texts for label in text.labels(transcript, characters)]
    trained = np.bincount(classes, minlength=len(characters))
    settings = config.training
    return [diagnosis.Diagnosis(batch, characters, trained, settings.epochs, settings.validate_every)]


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
