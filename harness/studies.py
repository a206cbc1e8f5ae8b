"""Commands beside the apps' own that measure several trainings and write a page about them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from datasets.errors import DataError
from harness import runs
from harness.command_line import UsageError
from harness.commands import without_start_messages


def main(
    app: str, settings: type, description: str, measure: Callable[[Any], str], arguments: Sequence[str] | None = None
) -> int:
    """Runs a study from the command line.

    Args:
        settings: dataclass of its flags.
        description: of `--help`.
        measure: settings -> the sentence that says where the results are. What it prints on stdout are the results.

    Returns:
        exit code: 0 done, 1 failed or stopped (one sentence on stderr); bad usage exits with 2.
    """
    study = tyro.cli(settings, args=arguments, description=description)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with without_start_messages():
        from harness.training import TrainingStopped

    try:
        sentence = measure(study)
    except UsageError as error:  # a setting that the trainings' own command line refuses
        print(f"{app}: {error}", file=sys.stderr)
        return 2
    except (DataError, TrainingStopped, runs.WriteFailed, ValueError) as error:
        print(f"{app}: {error}", file=sys.stderr)
        return 1
    print(f"{app}: {sentence}", file=sys.stderr)
    return 0
