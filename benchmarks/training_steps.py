"""`make bench-APP` for all six apps, kept: what the input pipeline and the harness add to a training step.

    python -m benchmarks.training_steps [APP ...]

writes benchmarks/results/training_steps/<app>.json and the table in benchmarks/README.md. Wants a machine that does nothing else: the
time by the wall's clock is worth little beside other work, and the ratios in processor time then say more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from harness import results, runs

RESULTS = runs.ROOT / "benchmarks" / "results" / "training_steps"
PAGE = runs.ROOT / "benchmarks" / "README.md"
APPS = ("digits", "cifar10", "speech", "eeg", "captioning", "denoising")
FLAGS = {"captioning": ["--data.limit", "500"]}
"""Of 7,000 pictures the encoder's features take several minutes, once; a step does not know how many there are."""
HEAD = (
    "app", "preset", "batch (of)", "step", "augmentation", "real pipeline / cached", "without augmentation", "harness / bare fit", "machine"
)  # fmt: skip


def main(apps: list[str]) -> int:
    """Measures the apps one after another; 1 where one of them fails."""
    for app in apps or APPS:
        answer = subprocess.run(
            [sys.executable, "-m", f"apps.{app}", "bench", *FLAGS.get(app, [])],
            cwd=runs.ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        if answer.returncode:
            return 1
        runs.write_json(RESULTS / f"{app}.json", json.loads(answer.stdout))
    measured = {app: RESULTS / f"{app}.json" for app in APPS}
    rows = [row(app, runs.read_json(file)) for app, file in measured.items() if file.is_file()]
    results.replace_between_marks(PAGE, "training steps", results.markdown_table(HEAD, rows))
    return 0


def row(app: str, measured: dict[str, Any]) -> list[str]:
    """Returns an app's measurements as cells of the table."""
    step, own = measured["step_ms"], measured["processor_time"]
    ratios = [
        f"{measured[name]:.3f} ({own[name]:.3f})"
        for name in ("pipeline_ratio", "pipeline_ratio_without_augmentation", "harness_ratio")
    ]
    machine = measured["machine"]
    return [
        app,
        f"`{measured['preset']}`",
        f"{measured['batch_size']} ({measured['preset_batch_size']})",
        f"{step['cached_batches']:.0f} ms",
        f"{measured['augmentation_ms']:.1f} ms",
        *ratios,
        machine["gpu"] or f"{machine['cores']} cores, {measured['matmul_gflops']:.0f} GFLOP/s",
    ]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
