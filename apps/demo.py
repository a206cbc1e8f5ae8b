"""`make demo`: the six apps trained, evaluated and exported on data that needs no download, then one table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNS = Path(os.environ.get("RUNS_DIR", ROOT / "runs"))

REQUIRED = {
    # app: (metric, sign, bound, what chance is); sign -1 where lower is better
    "digits": ("accuracy", 1, 0.90, "0.10"),
    "cifar10": ("accuracy", 1, 0.50, "0.10"),
    "speech": ("wer", -1, 0.60, "1.00"),
    "eeg": ("accuracy", 1, 0.60, "0.33"),
    "captioning": ("bleu4", 1, 0.30, "0.05"),
    "denoising": ("psnr_db", 1, 21.0, "the noisy input's"),
}


def main() -> int:
    """Runs every app's demo preset and prints the table; 1 where an app failed or is not clearly above chance."""
    rows, failures, start = [], [], time.monotonic()
    for number, app in enumerate(REQUIRED, 1):
        print(
            f"--- {number} of {len(REQUIRED)}: {app} ({time.monotonic() - start:.0f} s so far)",
            file=sys.stderr,
            flush=True,
        )
        began = time.monotonic()
        command = [sys.executable, "-m", f"apps.{app}", "run", "--preset", "demo", "--overwrite"]
        if subprocess.run(command, cwd=ROOT).returncode:
            failures.append(f"{app}: failed (see above)")
            continue
        report = max((RUNS / app).glob("demo-*/seed-*/report.html"), key=lambda path: path.stat().st_mtime)
        document = json.loads((report.parent / "metrics.json").read_text(encoding="utf-8"))
        rows.append(_row(app, document, time.monotonic() - began, report))
        failures += _too_weak(app, document)
    _print_table(rows)
    for failure in failures:
        print(f"demo: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _row(app: str, document: dict[str, Any], seconds: float, report: Path) -> list[str]:
    name = document["headline"]
    metric = document["metrics"][name]
    interval = metric["interval95"]
    value = f"{metric['value']:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
    data = document["dataset"]["name"]
    if document["dataset"]["synthetic"] and "synthetic" not in data:
        data += " (synthetic)"
    return [app, data, f"{name} {value}", f"{seconds:.0f}", os.path.relpath(report)]


def _too_weak(app: str, document: dict[str, Any]) -> list[str]:
    metric, sign, bound, chance = REQUIRED[app]
    value = document["metrics"][metric]["value"]
    if sign * value > sign * bound:
        return []
    return [f"{app}: {metric} {value:.3f} is not clearly better than chance ({chance}); expected {bound}"]


def _print_table(rows: list[list[str]]) -> None:
    table = [["app", "data", "headline metric [95 % interval]", "seconds", "report"], *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    raise SystemExit(main())
