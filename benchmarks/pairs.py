"""Two frameworks train the same network by turns: interleaved pairs, and the median of the pairs' ratios.

Each framework is a process that waits while the other one works; a pair is a few steps of one, then as many of the other, who begins
changes from pair to pair. With one thread each, the ratio by processor time holds on a busy machine as well; the ratio by the wall's
clock needs an idle one. The other framework's process may run in an environment of its own, so nothing but Python is imported here.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

FRAMEWORKS = ("ours", "torch")


def work(step: Callable[[], float], versions: str) -> None:
    """Answers each line of stdin, a number of steps, with the seconds they took and the processor's; the first answer is the versions.

    Args:
        step: trains one batch and returns the loss.
    """
    for _ in range(3):
        step()
    print(versions, flush=True)
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - wall, time.process_time() - processor, flush=True)


class Worker:
    """A process that trains with one framework when it is told to."""

    def __init__(self, command: Sequence[str]):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=environment, **pipes)
        self.versions = self._line()

    def _line(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)}: ended without an answer; run it by hand to see why")
        return line

    def seconds(self, steps: int) -> tuple[float, float]:
        """Trains so many steps; returns the seconds they took, by the wall's clock and by the processor's."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        wall, processor = self._line().split()
        return float(wall), float(processor)

    def end(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


def measured(commands: dict[str, Sequence[str]], examples: int, pairs: int, steps: int) -> dict[str, Any]:
    """Returns the examples a second of both, pair by pair, and the medians of the pairs' ratios, ours over the other's.

    Args:
        commands: of the process of each framework, which calls `work`.
        examples: of one step.
    """
    workers = {name: Worker(commands[name]) for name in FRAMEWORKS}
    wall: dict[str, list[float]] = {name: [] for name in FRAMEWORKS}
    processor: dict[str, list[float]] = {name: [] for name in FRAMEWORKS}
    for pair in range(pairs):
        for name in FRAMEWORKS if pair % 2 else FRAMEWORKS[::-1]:
            seconds = workers[name].seconds(steps)
            wall[name].append(steps * examples / seconds[0])
            processor[name].append(steps * examples / seconds[1])
    for worker in workers.values():
        worker.end()
    return {
        "pairs": pairs,
        "steps": steps,
        "examples_a_step": examples,
        "by_wall_clock": _summary(wall),
        "by_processor_time": _summary(processor),
        "versions": {name: worker.versions for name, worker in workers.items()},
    }


def _summary(speeds: dict[str, list[float]]) -> dict[str, Any]:
    ratios = [ours / theirs for ours, theirs in zip(speeds["ours"], speeds["torch"], strict=True)]
    return {
        **{f"{name}_examples_per_second": [round(value, 2) for value in speeds[name]] for name in FRAMEWORKS},
        "ratios": [round(ratio, 3) for ratio in ratios],
        "median_ratio": round(statistics.median(ratios), 3),
    }


def machine() -> dict[str, Any]:
    """Returns the processor, its cores and what else it is doing (the load of the last minute)."""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
    }
