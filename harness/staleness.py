"""Whether the code that a kept figure was measured with has changed since."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

OURS = ("apps", "shared_layers", "harness", "datasets")
NO_EFFECT = re.compile(
    r"harness/(bench|export|formatting|model_card|predicting|report|results|saved_model_check|staleness)\.py"
    r"|apps/\w+/(presets|figures|serve|__main__)\.py"
)
"""Code that only shows a figure or comes after it. A changed preset is told by its settings instead."""


def changed_since(app: str, commit: str, root: Path) -> str | None:
    """Returns which code of a measured figure differs between a commit and the working tree, or None.

    Looked at is what training and evaluating the app import, directly or through others, of our own modules; comments,
    docstrings and layout do not count.

    Args:
        commit: as metrics.json has it; "-dirty" behind it is ignored.
    """
    commit = commit.removesuffix("-dirty")
    differing = _git(root, "diff", "--name-only", "--no-renames", commit, "--", *OURS)
    if differing is None:
        return f"commit {commit} is not in this repository"
    used = modules_of(root, f"apps/{app}/app.py", "harness/session.py")
    changed = [
        name
        for name in sorted(used.intersection(differing.splitlines()))
        if _meaning(_git(root, "show", f"{commit}:{name}")) != _meaning((root / name).read_text(encoding="utf-8"))
    ]
    if not changed:
        return None
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]}{others} changed since commit {commit[:12]}"


def modules_of(root: Path, *start: str) -> set[str]:
    """Returns the files of our own modules that some files import, themselves included, as paths below `root`."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in found or NO_EFFECT.fullmatch(name) or not (root / name).is_file():
            continue
        found.add(name)
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        waiting += [file for module in _imported(tree) for file in _files(module)]
    return found


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
