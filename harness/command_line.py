"""From `train --preset lenet5-mnist --training.epochs 20` to settings. Free of TensorFlow, so that --help answers at once."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import tyro

from harness.settings import Preset, check

VERBS = {
    "train": "train a preset; goes on where it stopped",
    "evaluate": "score the trained model on the test data and write report.html",
    "export": "write the SavedModel and check it in a fresh process",
    "predict": "answer for files or folders with the exported model",
    "run": "train, evaluate and export in one go",
    "bench": "measure the input pipeline, the training step and the SavedModel",
    "results": "collect finished runs into results/ and the README tables",
}
STRATEGIES = ("auto", "one", "mirrored", "multiworker")
HIDDEN_VERBS = ("write-saved-model",)


class UsageError(Exception):
    """A command that cannot be understood; exit code 2."""


@dataclass(frozen=True)
class Arguments:
    """A command, ready to be carried out."""

    verb: str
    preset: str
    config: Any
    options: argparse.Namespace
    text: str
    """The command as it was given."""
    new_data: str | None = None
    """What --data named, where --model names a trained run to evaluate on it."""
    chosen: bool = False
    """Whether a preset or a setting was given, so that the command means their run and no other."""


def parse(app: str, config_type: type, presets: Mapping[str, Preset], default: str, argv: Sequence[str]) -> Arguments:
    """Returns the command that `argv` spells.

    Raises:
        UsageError: with one sentence, naming the flag and what it takes.
        SystemExit: 0 after --help.
    """
    parser = _parser(app, presets, default)
    options, rest = parser.parse_known_args(list(argv))
    preset = default if options.preset is None else options.preset
    if preset not in presets:
        raise UsageError(f"no preset {preset!r} in {app}; there are {', '.join(presets)}")
    help_wanted = any(flag in rest for flag in ("-h", "--help"))
    if help_wanted:
        print(parser.format_help(), flush=True)
    # argparse takes positional words from one place only; other flags may stand between `predict` and its files.
    words = list(takewhile(lambda word: not word.startswith("-"), rest))
    options.paths, rest = [Path(word) for word in words], rest[len(words) :]
    if options.verb == "predict" and not options.paths and not help_wanted:
        first = next((word for word in rest if word != "--"), "")
        example = f"./{first}" if re.match("-[^-]", first) else "photo.png"
        raise UsageError(f"predict needs files or folders, before any settings: predict {example}")
    if options.verb != "predict" and options.paths:
        raise UsageError(f"unexpected argument '{options.paths[0]}': settings are given as --group.name VALUE")
    chosen = options.preset is not None or bool(rest)
    config = presets[preset].config
    rest = [re.sub(r"^--data(?==|$)", "--data.source", flag) for flag in rest]
    others = [flag for flag in rest if flag.startswith("--") and flag.split("=")[0] != "--data.source"]
    if options.model and not help_wanted and (others or options.preset is not None):
        raise UsageError(
            f"{others[0] if others else '--preset'} beside --model: a trained run keeps its settings, only --data may be given"
        )
    given = _settings(config_type, config, rest)
    try:
        check(given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    elsewhere = options.model and any(flag.split("=")[0] == "--data.source" for flag in rest)
    text = f"python -m apps.{app} " + " ".join(argv)
    return Arguments(options.verb, preset, given, options, text, given.data.source if elsewhere else None, chosen)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number of 1 or more")
    return int(text)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UsageError(f"{message} (see --help)")


def _parser(app: str, presets: Mapping[str, Preset], default: str) -> argparse.ArgumentParser:
    names = "\n".join(f"  {name:34s}{preset.title} ({preset.catalogue})" for name, preset in presets.items())
    verbs = "\n".join(f"  {verb:34s}{meaning}" for verb, meaning in VERBS.items())
    parser = _Parser(
        prog=f"python -m apps.{app}",
        usage="%(prog)s COMMAND [FILES OR FOLDERS, for predict] [OPTIONS] [SETTINGS]",
        description=f"commands:\n{verbs}\n\npresets (default {default}):\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("verb", choices=[*VERBS, *HIDDEN_VERBS], metavar="COMMAND")
    parser.add_argument("--preset", help=f"the named configuration to start from (default {default})")
    parser.add_argument(
        "--model", type=Path, help="evaluate, export, predict: a run folder instead of the preset's own"
    )
    parser.add_argument("--strategy", default="auto", choices=STRATEGIES, help="auto, one, mirrored or multiworker")
    parser.add_argument("--cpu-devices", type=_count, help="mirror over so many logical CPU devices")
    parser.add_argument(
        "--split", default="test", choices=["train", "validation", "test"], help="evaluate: which examples"
    )
    parser.add_argument("--overwrite", action="store_true", help="train anew although a run is there")
    parser.add_argument("--json", action="store_true", help="predict: JSON lines instead of a table")
    parser.add_argument(
        "--output", type=Path, default=Path("predictions"), help="predict: folder for files the answer brings"
    )
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    return parser


def _settings(config_type: type, default: Any, flags: Sequence[str]) -> Any:
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(
                config_type, default=default, args=flags, config=(tyro.conf.AvoidSubcommands,), add_help=True
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UsageError(_sentence(errors.getvalue())) from None


def _sentence(box: str) -> str:
    """Returns the first paragraph of tyro's message as one line; tyro draws a frame around it where the terminal can show one."""
    lines = [line.strip("│ ").strip() for line in box.splitlines()[1:]]
    ruled = [re.fullmatch(r"[─╰╯ -]*", line) is not None for line in lines]
    start = ruled.index(False) if False in ruled else 0
    end = ruled.index(True, start) if True in ruled[start:] else len(lines)
    return " ".join(lines[start:end]) + " (see --help)"
