"""What is chosen on the validation pictures once a model is trained: the temperature, and the threshold below which a picture
is called no digit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from apps.digits import rejection
from apps.digits.config import Config
from apps.digits.data import logits_of
from datasets.errors import DataError
from harness.app import Prepared
from harness.calibration import fit_temperature

FILE = "answers.json"
FALSE_ALARMS = 0.002
"""Share of the validation pictures that may be called no digit."""


@dataclass(frozen=True)
class Answers:
    """How logits become answers."""

    temperature: float
    """By which logits are divided before the softmax."""
    least_score: float
    """A picture that scores less, by `rejection.scores`, is no digit."""


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Returns the temperature and the least score, chosen on the validation pictures, or nothing where nothing validates."""
    validation = prepared.splits["validation"]
    if not len(validation):
        return {}
    logits = logits_of(config, spec, model, validation)
    scores = rejection.scores(validation.images.astype(np.float32), logits).numpy()
    least = float(np.quantile(scores[np.isfinite(scores)], FALSE_ALARMS))
    answers = Answers(fit_temperature(validation.labels, logits), least)
    return {FILE: json.dumps(asdict(answers), indent=1) + "\n"}


def tuned_answers(spec: dict[str, Any]) -> Answers | None:
    """Returns what a run's folder tuned/ says, or None where nothing was tuned.

    Raises:
        DataError: its file is damaged, or missing.
    """
    if "tuned" not in spec:
        return None
    try:
        stored = json.loads(spec["tuned"][FILE])
        return Answers(float(stored["temperature"]), float(stored["least_score"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"tuned/{FILE} of the run is missing or damaged ({error}); remove the folder tuned/ and evaluate again"
        ) from None
