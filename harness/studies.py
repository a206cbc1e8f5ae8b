"""Commands beside the apps' own that measure several trainings and write a page about them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from datasets.errors import DataError
from harness import runs
from harness.command_line import UsageError
from harness.commands import BAD_USAGE, DONE, FAILED, INTERRUPTED, without_start_messages


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
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a study as Ctrl-C does
    try:
        with without_start_messages():
            from harness.training import TrainingStopped

        sentence = measure(study)
    except KeyboardInterrupt:
        print(f"{app}: {INTERRUPTED}", file=sys.stderr)
        return FAILED
    except UsageError as error:  # a setting that the trainings' own command line refuses
        print(f"{app}: {error}", file=sys.stderr)
        return BAD_USAGE
    except (DataError, TrainingStopped, runs.WriteFailed, ValueError) as error:
        print(f"{app}: {error}", file=sys.stderr)
        return FAILED
    finally:
        signal.signal(signal.SIGTERM, before)
    print(f"{app}: {sentence}", file=sys.stderr)
    return DONE


def run_command(app: str, words: Sequence[str]) -> int:
    """Runs a command of an app in a process of its own and returns its exit code; a signal leaves it the time to save its state.

    Raises:
        KeyboardInterrupt: SIGINT, which a terminal sends to both processes, or SIGTERM, which is passed on; the command has ended.
    """
    received: list[int] = []

    def remember(number: int, frame: Any) -> None:
        received.append(number)
        if number == signal.SIGTERM:
            child.terminate()

    child = subprocess.Popen([sys.executable, "-m", f"apps.{app}", *words], cwd=runs.ROOT)
    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt
    return code
