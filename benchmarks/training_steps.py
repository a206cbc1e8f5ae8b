"""`make bench-APP` for all six apps, kept: what the input pipeline and the harness add to a training step.

    python benchmarks/training_steps.py [APP ...]

writes benchmarks/results/training_steps/<app>.json and the table in benchmarks/README.md. Wants a machine that does nothing else: the
time by the wall's clock is worth little beside other work, and the ratios in processor time then say more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "training_steps"
PAGE = ROOT / "benchmarks" / "README.md"
APPS = ("digits", "cifar10", "speech", "eeg", "captioning", "denoising")
FLAGS = {"captioning": ["--data.limit", "500"]}
"""Of 7,000 pictures the encoder's features take several minutes, once; a step does not know how many there are."""
BEGIN, END = "<!-- training steps:begin -->", "<!-- training steps:end -->"


def main(apps: list[str]) -> int:
    """Measures the apps one after another; 1 where one of them fails."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for app in apps or APPS:
        answer = subprocess.run(
            [sys.executable, "-m", f"apps.{app}", "bench", *FLAGS.get(app, [])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        if answer.returncode:
            return 1
        (RESULTS / f"{app}.json").write_text(json.dumps(json.loads(answer.stdout), indent=1) + "\n", encoding="utf-8")
    measured = {
        app: json.loads((RESULTS / f"{app}.json").read_text()) for app in APPS if (RESULTS / f"{app}.json").is_file()
    }
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table(measured) + END + rest.split(END)[1], encoding="utf-8")
    return 0


def table(measured: dict[str, dict[str, Any]]) -> str:
    """Returns the measurements as a table in Markdown."""
    head = "| app | preset | batch (of) | step | augmentation | real pipeline / cached | without augmentation | harness / bare fit | machine |\n"
    lines = [head, "|---" * (head.count("|") - 1) + "|\n"]
    for app, m in measured.items():
        step, own = m["step_ms"], m["processor_time"]
        ratios = " | ".join(
            f"{m[name]:.3f} ({own[name]:.3f})"
            for name in ("pipeline_ratio", "pipeline_ratio_without_augmentation", "harness_ratio")
        )
        machine = m["machine"]["gpu"] or f"{m['machine']['cores']} cores, {m['matmul_gflops']:.0f} GFLOP/s"
        lines.append(
            f"| {app} | `{m['preset']}` | {m['batch_size']} ({m['preset_batch_size']}) | {step['cached_batches']:.0f} ms "
            f"| {m['augmentation_ms']:.1f} ms | {ratios} | {machine} |\n"
        )
    return "".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
