"""What is chosen once a model is trained: on validation pictures the temperature and the threshold below which a picture is
called no digit, and on training pictures what they have in common."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from apps.digits import rejection
from apps.digits.config import Config
from harness import tuned
from harness.app import Prepared
from harness.calibration import fit_temperature

FILE = "answers.json"
FALSE_ALARMS = 0.003
"""Share of the validation pictures that may be called no digit."""
TRAINING_PICTURES = 10_000
"""At most, drawn by SEED, that tell what training pictures have in common."""
SEED = 0
BATCH = 500


@dataclass(frozen=True)
class Answers:
    """How logits become answers."""

    temperature: float
    """By which logits are divided before the softmax."""
    least_score: float
    """A picture that scores less, by `rejection.scores`, is no digit."""
    likeness: rejection.Likeness | None
    """By which it is scored."""


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Returns temperature, least score and likeness for the folder tuned/, or nothing where nothing validates."""
    train, validation = (prepared.splits[name] for name in ("train", "validation"))
    if not len(validation):
        return {}
    answering = rejection.with_features(model)
    some = np.random.default_rng(SEED).permutation(len(train))[:TRAINING_PICTURES]
    shown = train.images[some].astype(np.float32)
    known = rejection.likeness(shown, *answering.predict(shown, batch_size=BATCH, verbose=0), train.labels[some])
    images = validation.images.astype(np.float32)
    features, logits = answering.predict(images, batch_size=BATCH, verbose=0)
    scores = rejection.scores(images, features, logits, known).numpy()
    least = float(np.quantile(scores[np.isfinite(scores)], FALSE_ALARMS))
    answers = Answers(fit_temperature(validation.labels, logits), least, known)
    return {FILE: json.dumps(asdict(answers)) + "\n"}


def tuned_answers(spec: dict[str, Any]) -> Answers | None:
    """Returns what a run's folder tuned/ says, or None where nothing was tuned.

    Raises:
        DataError: its file is damaged, or missing.
    """
    return tuned.read(spec, FILE, _answers)


def _answers(stored: dict[str, Any]) -> Answers:
    known = stored["likeness"] and rejection.Likeness(**stored["likeness"])
    return Answers(float(stored["temperature"]), float(stored["least_score"]), known)
