"""The commands of every app: what is called, in which order, and how it ends."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from datasets.errors import DataError
from harness.command_line import Arguments, UsageError, parse
from harness.settings import Preset

DONE, FAILED, BAD_USAGE = 0, 1, 2
INTERRUPTED = "interrupted; give the same command again to go on"


def main(
    app: str,
    config_type: type,
    presets: Mapping[str, Preset],
    default: str,
    load_app: Callable[[], Any],
    argv: Sequence[str] | None = None,
) -> int:
    """Runs one command line and returns its exit code: 0 done, 1 failed (one sentence on stderr), 2 bad usage."""
    try:
        arguments = parse(app, config_type, presets, default, sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        return _nobody_reads()
    except UsageError as error:
        print(f"{app}: {error}", file=sys.stderr)
        return BAD_USAGE
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # SIGTERM ends a command as Ctrl-C does: what is half written is cleared away; training catches both itself
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _carry_out(load_app, config_type, presets, arguments)
    except KeyboardInterrupt:
        print(f"{app}: {INTERRUPTED}", file=sys.stderr)
    except BrokenPipeError:
        return _nobody_reads()
    except Exception as error:
        if arguments.options.verbose:
            traceback.print_exc()
        print(f"{app}: {_one_sentence(error)}", file=sys.stderr)
        return BAD_USAGE if isinstance(error, UsageError) else FAILED
    finally:
        signal.signal(signal.SIGTERM, before)
    return FAILED


def _nobody_reads() -> int:
    """Returns the exit code where whoever read the answers, such as `head`, has gone; what is still to be flushed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


def _one_sentence(error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; check that it is there, may be used and has room"
    text = " ".join(str(error).split())
    named = (
        text
        if isinstance(error, ValueError) or type(error).__name__.startswith(("Training", "Export", "Write"))
        else f"{type(error).__name__}: {text}"
    )
    return named if len(named) < 600 else named[:600] + " ... (--verbose shows all)"


def _carry_out(
    load_app: Callable[[], Any], config_type: type, presets: Mapping[str, Preset], arguments: Arguments
) -> int:
    """TensorFlow is imported here: everything before answers at once."""
    with without_start_messages():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
    from harness import results, runs
    from harness.session import Session

    app = load_app()
    if arguments.verb == "results":
        results.write_results(app.name, presets, runs.ROOT)
        return DONE
    session = without_others_figure(Session.open(app, config_type, presets, arguments))
    if arguments.verb in ("evaluate", "export"):
        check_trained(session)
    if arguments.verb == "predict":
        return _predict(session, arguments)
    if arguments.verb == "write-saved-model":
        session.write_saved_model()
    elif arguments.verb == "bench":
        from harness.bench import bench

        print(json.dumps(bench(session), indent=1))
    else:
        steps = ("train", "evaluate", "export") if arguments.verb == "run" else (arguments.verb,)
        for step in steps:
            getattr(session, step)()
    return DONE


def without_others_figure(session: Any) -> Any:
    """Returns the session, on other data than its preset's own without the literature's figure, which says nothing of them."""
    if session.config.data.source == session.preset.config.data.source:
        return session
    return dataclasses.replace(session, preset=dataclasses.replace(session.preset, literature=""))


def check_trained(session: Any) -> None:
    """Checks that the folder of a session's run is there.

    Raises:
        DataError: it is not; says how to train it.
    """
    if session.folder.exists():
        return
    settings = "" if session.config == session.preset.config else " and the same settings in ARGS"
    raise DataError(
        f"preset {session.preset_name} has not been trained yet ({session.folder} is not there); train it first: "
        f"make train-{session.app.name} PRESET={session.preset_name}{settings}"
    )


@contextlib.contextmanager
def without_start_messages() -> Iterator[None]:
    """Keeps off stderr what TensorFlow's C++ part writes while it is imported, whatever TF_CPP_MIN_LOG_LEVEL says."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _predict(session: Any, arguments: Arguments) -> int:
    from harness.predicting import answers, print_table

    rows, failures = [], 0
    try:
        for files, row in answers(session, arguments.options.paths, arguments.options.output):
            named = {"file" if place == 1 else f"file{place}": str(path) for place, path in enumerate(files, 1)}
            if isinstance(row, DataError):
                print(f"{session.app.name}: {row}", file=sys.stderr)
                failures += 1
            elif arguments.options.json:
                print(json.dumps({**named, **row}, ensure_ascii=False), flush=True)
            else:
                rows.append({**named, **row})
    finally:
        if rows:
            print_table(rows)
    return FAILED if failures else DONE
