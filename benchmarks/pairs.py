"""Two frameworks train the same network by turns: interleaved pairs, and the median of the pairs' ratios.

Each framework is a process that waits while the other one works; a pair is a few steps of one, then as many of the other, who begins
changes from pair to pair. With one thread each, the ratio by processor time holds on a busy machine as well; the ratio by the wall's
clock needs an idle one. The other framework's process may run in an environment of its own, so nothing but Python is imported at the top.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = ("ours", "torch")


def parser(description: str, steps: int, workers: Sequence[str] = FRAMEWORKS) -> argparse.ArgumentParser:
    """Returns the flags that every script of pairs has.

    Args:
        steps: of each framework in a pair.
        workers: what one process of the script can be.
    """
    flags = argparse.ArgumentParser(description=description)
    flags.add_argument("--torch-python", help="the interpreter of an environment with torch")
    flags.add_argument("--pairs", type=int, default=8)
    flags.add_argument("--steps", type=int, default=steps, help="of each framework in a pair")
    flags.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each framework")
    flags.add_argument("--output", type=Path, help="a JSON file")
    flags.add_argument("--worker", choices=workers, help=argparse.SUPPRESS)
    return flags


def commands(script: str, options: argparse.Namespace, *own: str, theirs: str = "torch") -> dict[str, list[str]]:
    """Returns the commands of the two processes of a script, with its own flags; `theirs` is the worker beside ours."""
    if not options.torch_python:
        print(f"{Path(script).name}: --torch-python is needed", file=sys.stderr)
        raise SystemExit(2)
    flags = ["--threads", str(options.threads), *own]
    pythons = {"ours": sys.executable, theirs: options.torch_python}
    started = [[python, script, "--worker", worker, *flags] for worker, python in pythons.items()]
    return dict(zip(FRAMEWORKS, started, strict=True))


def write(document: dict[str, Any], output: Path | None) -> None:
    """Prints what was measured as JSON, and writes it to a file if one is given."""
    text = json.dumps(document, indent=1) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
    print(text, end="")


def import_ours(threads: int) -> None:
    """Makes the suite importable, and TensorFlow take so many threads."""
    sys.path.insert(0, str(ROOT))
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def keras_step(model: Any, inputs: Any, targets: Any) -> tuple[Callable[[], float], int, str]:
    """Returns a training step of a compiled model, which returns the loss, how many weights it trains, and the versions."""
    import keras
    import numpy as np
    import tensorflow as tf

    def step() -> float:
        return float(np.ravel(model.train_on_batch(inputs, targets))[0])

    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return step, weights, f"tensorflow {tf.__version__}, keras {keras.__version__}"


def torch_step(loss: Callable[[], Any], optimizer: Any) -> tuple[Callable[[], float], int, str]:
    """Returns a training step of PyTorch, which returns the loss, how many weights it trains, and the version."""
    import torch

    def step() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return float(value.detach())

    weights = sum(weight.numel() for group in optimizer.param_groups for weight in group["params"])
    return step, weights, f"torch {torch.__version__}"


def work(step: Callable[[], float], weights: int, versions: str) -> None:
    """Answers each line of stdin, a number of steps, with the seconds they took and the processor's; first the weights and versions.

    Args:
        step: trains one batch and returns the loss.
    """
    for _ in range(3):
        step()
    print(weights, versions, flush=True)
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
        weights, self.versions = self._line().split(" ", 1)
        self.weights = int(weights)

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

    Raises:
        SystemExit: the numbers of weights differ by more than a hundredth (PyTorch's LSTM has each bias twice).
    """
    workers = {name: Worker(commands[name]) for name in FRAMEWORKS}
    ours, theirs = (workers[name].weights for name in FRAMEWORKS)
    if abs(ours - theirs) > 0.01 * ours:
        for worker in workers.values():
            worker.end()
        raise SystemExit(f"two networks, not one: ours trains {ours:,} weights, the other {theirs:,}")
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
        "weights": {name: worker.weights for name, worker in workers.items()},
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
