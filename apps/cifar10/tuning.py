"""What is chosen once a model is trained: on validation pictures, the temperature of its probabilities."""

from __future__ import annotations

import json
from typing import Any

from apps.cifar10 import views
from apps.cifar10.config import Config
from harness import tuned
from harness.app import Prepared
from harness.calibration import fit_temperature

FILE = "answers.json"


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Returns the temperature that fits the validation pictures best, for the folder tuned/; {} where nothing validates."""
    validation = prepared.splits["validation"]
    if not len(validation):
        return {}
    probabilities, _ = views.of_split(config, spec, model, validation)
    temperature = fit_temperature(validation.labels, views.logarithms(probabilities))
    return {FILE: json.dumps({"temperature": temperature}) + "\n"}


def tuned_temperature(spec: dict[str, Any]) -> float | None:
    """Returns the temperature that a run's folder tuned/ holds, or None where nothing was tuned.

    Raises:
        DataError: its file is damaged, or missing.
    """
    return tuned.read(spec, FILE, lambda stored: float(stored["temperature"]))
