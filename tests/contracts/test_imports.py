"""Imports point down only, and what the command line reads before parsing is free of TensorFlow. Files are parsed, not run."""

from __future__ import annotations

import ast
import functools
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("apps", "harness", "shared_layers", "datasets")
FILES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
HEAVY = {"tensorflow", "keras"}
APPS = sorted(path.parent.name for path in (ROOT / "apps").glob("*/app.py"))


def named(path: Path) -> str:
    """Returns e.g. "apps.digits.data", or "apps.digits" for its __init__.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {named(path): path for path in FILES}


@functools.cache
def imports(path: Path, only_when_loaded: bool = False) -> list[tuple[str, int]]:
    """Returns (module, line) of every import; those inside functions are left out if only_when_loaded."""
    package = named(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = []

    def visit(node: ast.AST) -> None:
        if only_when_loaded and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, node.lineno) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module) if part)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.append((inner if inner in MODULES else module, node.lineno))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8"), str(path)))
    return found


def loaded_with(name: str) -> dict[str, list[str]]:
    """Returns every module that importing `name` loads, ours and others', with the chain of ours that leads to it."""
    chains, waiting = {name: [name]}, [name]
    while waiting:
        here = waiting.pop()
        parents = [here.rsplit(".", i)[0] for i in range(1, here.count(".") + 1)]
        wanted = [module for module, _ in imports(MODULES[here], only_when_loaded=True)] if here in MODULES else []
        for module in [*parents, *wanted]:
            if module not in chains:
                chains[module] = [*chains[here], module]
                if module in MODULES:
                    waiting.append(module)
    return chains


def allowed(importer: str, module: str) -> bool:
    """Tells whether our module `importer` may import our module `module`."""
    layer, target = importer.split(".")[0], module.split(".")[0]
    if layer == "apps":
        return target != "apps" or module.split(".")[:2] == importer.split(".")[:2]
    if layer == "harness":
        return target == "harness" or module == "datasets.errors"
    return target == layer


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("apps.digits.data", "apps.digits.config", True),
        ("apps.digits.data", "datasets.mnist", True),
        ("apps.digits.data", "apps.cifar10.data", False),
        ("harness.training", "datasets.errors", True),
        ("harness.training", "datasets.mnist", False),
        ("harness.training", "shared_layers.ctc.loss", False),
        ("harness.training", "apps.digits", False),
        ("shared_layers.ctc.loss", "datasets.errors", False),
        ("datasets.mnist", "harness.app", False),
    ],
)
def test_the_rule_itself(importer, module, expected):
    assert allowed(importer, module) is expected


def test_imports_point_down_only():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in FILES
        for module, line in imports(path)
        if module.split(".")[0] in LAYERS and not allowed(named(path), module)
    ]
    assert not wrong, "\n".join(wrong)


def test_our_modules_that_are_imported_exist():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in FILES
        for module, line in imports(path)
        if module.split(".")[0] in LAYERS and module not in MODULES and not (ROOT / module.replace(".", "/")).is_dir()
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file", ["config", "presets", "__main__"])
@pytest.mark.parametrize("app", APPS)
def test_what_is_read_before_parsing_is_free_of_tensorflow(app, file):
    chains = loaded_with(f"apps.{app}.{file}")
    heavy = [" -> ".join(chain) for module, chain in chains.items() if module.split(".")[0] in HEAVY]
    assert not heavy, "\n".join(heavy)


def test_datasets_hold_no_model_code():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in FILES
        for module, line in imports(path)
        if named(path).startswith("datasets") and module.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


def test_a_saved_model_needs_nothing_but_what_the_wheel_of_shared_layers_requires():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    required = set(re.findall(r'"([a-z]+)[<>=]', text[text.index("dependencies") : text.index("[tool.")]))
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in FILES
        for module, line in imports(path, only_when_loaded=True)
        if named(path).startswith("shared_layers")
        and module.split(".")[0] not in {*sys.stdlib_module_names, *required, "shared_layers"}
    ]
    assert required and not wrong, "\n".join(wrong)


def test_every_imported_distribution_stands_in_requirements():
    required = set()
    for file in sorted(ROOT.glob("requirements*.txt")):
        for name in re.findall(r"^([\w.-]+)", file.read_text(), re.MULTILINE):
            # backports.tarfile is installed where Python is old; elsewhere no distribution is known to give its namespace
            required |= {name.lower().replace("_", "-"), name.split(".")[0]}
    distributions = packages_distributions()
    wrong = []
    for path in FILES:
        for module, line in imports(path):
            name = module.split(".")[0]
            if name in LAYERS or name in sys.stdlib_module_names:
                continue
            having = {found.lower().replace("_", "-") for found in distributions.get(name, [name])}
            if not having & required:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name} of {', '.join(sorted(having))}")
    assert not wrong, "\n".join(wrong)
