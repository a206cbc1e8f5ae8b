"""What was chosen once a model was trained: the JSON files in a run's folder tuned/."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from datasets.errors import DataError

Answer = TypeVar("Answer")


def read(spec: Mapping[str, Any], file: str, understand: Callable[[Any], Answer]) -> Answer | None:
    """Returns what `understand` makes of the content of tuned/`file`, or None where nothing was tuned.

    Args:
        spec: with the files' texts under "tuned", as the session hands it on.

    Raises:
        DataError: the file is missing, or `understand` ends in a KeyError, TypeError or ValueError.
    """
    if "tuned" not in spec:
        return None
    try:
        return understand(json.loads(spec["tuned"][file]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"tuned/{file} of the run is missing or damaged ({error}); remove the folder tuned/ and evaluate again"
        ) from None
