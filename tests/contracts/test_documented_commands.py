"""Every command that a README shows exists: its make target, its preset and its flags. Nothing is run but `make -n`."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.command_line import VERBS, UsageError, parse

ROOT = Path(__file__).parents[2]
APPS = sorted(path.parent.name for path in (ROOT / "apps").glob("*/app.py"))
PAGES = [
    ROOT / "README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "apps").glob("*/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
COMMAND = re.compile(r"(?:make(?: [a-zA-Z]|$)|(?:\.venv/bin/)?python -m )")


def commands_of(page: Path) -> list[str]:
    """Returns the commands in a page's indented or fenced code and between its backticks."""
    text = page.read_text("utf-8")
    lines = re.findall(r"^(?:    |```.*\n)(.*)$", text, re.MULTILINE)
    lines += [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    lines += re.findall(r"`([^`\n]+)`", text)
    commands = (re.split(r"\s+#", line.strip())[0] for line in lines)
    return sorted({command for command in commands if COMMAND.match(command)})


DOCUMENTED = [
    *((page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in commands_of(page)),
    *(
        (path.relative_to(ROOT).as_posix(), json.loads(path.read_text("utf-8"))["command"])
        for path in sorted((ROOT / "results").glob("*/*.json"))
    ),
]


def carried_out(command: str) -> list[list[str]]:
    """Returns the Python commands, as words after `python -m`, that a documented command stands for."""
    words = shlex.split(command)
    if words[0] != "make":
        return [words[2:]]
    answer = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    split = (shlex.split(line) for line in answer.stdout.splitlines() if "bin/python -m " in line)
    return [words[words.index("-m") + 1 :] for words in split]


def check(words: list[str]) -> None:
    """Checks a module and, for an app's command line, its preset and flags."""
    module, arguments = words[0], words[1:]
    app = module.removeprefix("apps.")
    if app not in APPS:
        assert importlib.util.find_spec(module), module
        return
    if arguments[:1] == ["stream"]:
        importlib.import_module(f"{module}.stream_command").parser().parse_args(arguments[1:])
        return
    config, presets = (importlib.import_module(f"{module}.{name}") for name in ("config", "presets"))
    arguments = [word for word in arguments if word != "--help"]
    parse(app, config.Config, presets.PRESETS, presets.DEFAULT, arguments)


@pytest.mark.parametrize(("page", "command"), DOCUMENTED)
def test_a_documented_command_exists(page, command):
    for words in carried_out(command):
        check(words)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.parent.name == "apps"], ids=lambda page: page.parent.name
)
def test_an_apps_page_shows_how_to_train_predict_and_use_ones_own_data(page):
    shown = " ".join(" ".join(words) for command in commands_of(page) for words in carried_out(command))
    for what in (" train ", " predict ", " --data "):
        assert what in f" {shown} ", f"{page.parent.name}: no command with{what}"


def test_the_test_finds_commands_and_would_find_a_wrong_one():
    found = {page for page, _ in DOCUMENTED}
    assert {"README.md", *(f"apps/{app}/README.md" for app in APPS)} <= found
    assert ("README.md", "make demo") in DOCUMENTED
    with pytest.raises(AssertionError, match="No rule to make target"):
        carried_out("make train-painting")
    [words] = carried_out('make train-digits PRESET=lenet5-mnist ARGS="--training.epochs 3"')
    assert words == ["apps.digits", "train", "--preset", "lenet5-mnist", "--strategy", "auto", "--training.epochs", "3"]
    for wrong in (["--preset", "lenet9"], ["--training.epoch", "3"], ["--training.epochs", "soon"]):
        with pytest.raises(UsageError):
            check(["apps.digits", "train", *wrong])


def test_help_names_every_target_of_every_app():
    answer = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    for verb in VERBS:
        assert f"{verb}-%" in answer.stdout
        for app in APPS:
            assert subprocess.run(["make", "-n", f"{verb}-{app}"], cwd=ROOT, capture_output=True).returncode == 0
