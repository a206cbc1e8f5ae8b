"""Whether the code that a kept figure was measured with has changed since."""

from __future__ import annotations

import ast
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

OURS = ("apps", "shared_layers", "harness", "datasets")
NO_EFFECT = re.compile(
    r"harness/(bench|command_line|export|formatting|model_card|predicting|report|results|saved_model_check|staleness)\.py"
    r"|apps/\w+/(\w+/)?(diagnosis|figures|presets|serve|__main__)\.py"
)
"""Code that only shows a figure, says a word or comes after. A changed preset, or a flag read otherwise, is told by its settings
instead."""
EVALUATING = re.compile(r"harness/evaluation\.py|apps/\w+/(\w+/)?(baselines|evaluate|tuning)\.py")
"""Where an app or the session imports these, they and what only they import first meet a trained model."""
OWN_DATA = re.compile(r"apps/\w+/(centring|several_labels)\.py")
"""What training does with a person's own data alone. Kept figures are of named data sets, which meet these, if at all, when a
trained model is evaluated."""


def network_files(run: Path) -> list[str] | None:
    """Returns the files of shared_layers/ that the network of a run's folder names as its own, or None where that is not all that
    was trained: by folds, or in several phases."""
    if not all((run / name).is_file() for name in ("model.keras", "history.csv")):
        return None
    with zipfile.ZipFile(run / "model.keras") as archive:
        config = archive.read("config.json").decode("utf-8")
    modules = set(re.findall(r'"module": "(shared_layers[\w.]*)"', config))
    return sorted(f"{module.replace('.', '/')}.py" for module in modules)


def changed_since(
    app: str,
    trained: str,
    evaluated: Sequence[str],
    root: Path,
    network: Sequence[str] | None = None,
    model: str | None = None,
) -> str | None:
    """Returns which code of a measured figure differs between its commits and the working tree, or None.

    Looked at is what training and evaluating the app import, directly or through others, of our own modules; comments,
    docstrings and layout do not count. Evaluating a model again brings what only evaluates up to date.

    Args:
        trained, evaluated: the commits as metrics.json has them, of a training and of the evaluations; "-dirty" behind one is ignored.
        network: as `network_files` says; shared layers of other networks do not count. None: all count.
        model: the class in the app's config.py that sets the network up; with `network`, other classes' files in the app's models/
            do not count.
    """
    start = f"apps/{app}/app.py", "harness/session.py"
    of_others: set[str] = set()
    if network is not None:
        of_others = _layers(root, modules_of(root, *start)) - modules_of(root, *network)
        of_others |= _of_other_models(root, app, model, start)
    training = modules_of(root, *start, without=EVALUATING, never=[*of_others, OWN_DATA])
    after = modules_of(root, *start, never=of_others) - training
    looked_at = [("", trained, training), *((", when it was evaluated", commit, after) for commit in evaluated)]
    for what, commit, names in looked_at:
        commit = commit.removesuffix("-dirty")
        changed = _changed(root, commit, names)
        if changed is None:
            return f"commit {commit} is not in this repository"
        if changed:
            others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            return f"{changed[0]}{others} changed since commit {commit[:12]}{what}"
    return None


def _changed(root: Path, commit: str, names: set[str]) -> list[str] | None:
    differing = _git(root, "diff", "--name-only", "--no-renames", commit, "--", *OURS)
    if differing is None:
        return None
    return [
        name
        for name in sorted(names.intersection(differing.splitlines()))
        if _meaning(_git(root, "show", f"{commit}:{name}")) != _meaning((root / name).read_text(encoding="utf-8"))
    ]


def modules_of(
    root: Path, *start: str, without: re.Pattern[str] | None = None, never: Iterable[str | re.Pattern[str]] = ()
) -> set[str]:
    """Returns the files of our own modules that some files import, themselves included, as paths below `root`.

    Args:
        without: what the files of `start` import of these is left out.
        never: these are left out whoever imports them.
    """
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        left_out = any(re.fullmatch(pattern, name) for pattern in (NO_EFFECT, *never))
        if name in found or left_out or not (root / name).is_file():
            continue
        found.add(name)
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        imported = [file for module in _imported(tree) for file in _files(module)]
        first = without if name in start else None
        waiting += [file for file in imported if not (first and first.fullmatch(file))]
    return found


def _layers(root: Path, names: set[str]) -> set[str]:
    """Returns those of some files that define a shared layer."""
    layer = re.compile(r"^class \w+\((keras\.)?layers\.\w+\):$", re.MULTILINE)
    shared = {name for name in names if name.startswith("shared_layers/")}
    return {name for name in shared if layer.search((root / name).read_text(encoding="utf-8"))}


def _of_other_models(root: Path, app: str, model: str | None, start: Sequence[str]) -> set[str]:
    """Returns the files of an app's models/ that other classes than `model` set up, and that nothing else is made of."""
    models = f"apps/{app}/models"
    imports = {
        f"{models}/{path.name}": set(_imported(ast.parse(path.read_text(encoding="utf-8"))))
        for path in (root / models).glob("*.py")
    }
    chooser = f"{models}/__init__.py"
    config = f"apps.{app}.config."
    classes = {name for name in imports.pop(chooser, ()) if name.startswith(config)} - {f"{config}Config"}
    own = [file for file, names in imports.items() if f"{config}{model}" in names]
    if not own:
        return set()
    set_up = {file for file, names in imports.items() if names & classes}
    return set_up - modules_of(root, *own, *start, never=[chooser])


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from datasets import mnist` names a module by its last part; `from datasets.mnist import load` does not.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(module: str) -> Iterator[str]:
    parts = module.split(".")
    if parts[0] in OURS:
        for length in range(1, len(parts) + 1):
            path = "/".join(parts[:length])
            yield from (f"{path}.py", f"{path}/__init__.py")


def _git(root: Path, *arguments: str) -> str | None:
    answer = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8")
    return None if answer.returncode else answer.stdout


def _meaning(source: str | None) -> str | None:
    """Returns the code without comments, layout and strings that stand alone (docstrings)."""
    if source is None:
        return None
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return ast.dump(tree)
