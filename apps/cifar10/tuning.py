"""What is chosen once a model is trained: on validation pictures, the temperature of its probabilities."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from apps.cifar10 import views
from apps.cifar10.config import Config
from datasets.errors import DataError
from harness.app import Prepared
from harness.calibration import fit_temperature

FILE = "answers.json"


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Returns the temperature that fits the validation pictures best, for the folder tuned/; {} where nothing validates."""
    validation = prepared.splits["validation"]
    if not len(validation):
        return {}
    probabilities, _ = views.of_split(config, spec, model, validation)
    temperature = fit_temperature(validation.labels, np.log(np.maximum(probabilities, views.TINY)))
    return {FILE: json.dumps({"temperature": temperature}) + "\n"}


def tuned_temperature(spec: dict[str, Any]) -> float | None:
    """Returns the temperature that a run's folder tuned/ holds, or None where nothing was tuned.

    Raises:
        DataError: its file is damaged, or missing.
    """
    if "tuned" not in spec:
        return None
    try:
        return float(json.loads(spec["tuned"][FILE])["temperature"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"tuned/{FILE} of the run is missing or damaged ({error}); remove the folder tuned/ and evaluate again"
        ) from None
