"""How fast two bidirectional LSTM layers train by CTC here and in PyTorch: the same network, batch and processor, in interleaved pairs.

    python benchmarks/blstm_ctc_training.py --torch-python OTHER/bin/python --output benchmarks/results/blstm_ctc_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it. Each framework is one process that
waits while the other one works; a pair is a few steps of one, then as many of the other, who begins changes from pair to pair.
With --threads 1 the ratio by processor time holds on a busy machine as well; the ratio by the wall's clock needs an idle one.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BATCH, FRAMES, VALUES, LABELS, CLASSES = 32, 200, 256, 30, 29
"""Utterances, frames of each, values of a frame, labels of an utterance, symbols with the blank."""
FRAMEWORKS = ("ours", "torch")
CLOCKS = ("by_wall_clock", "by_processor_time")


def ours(width: int, threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step of the suite's layers, which returns the loss, and the versions."""
    sys.path.insert(0, str(ROOT))
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    from shared_layers.ctc.model import CTCModel
    from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM

    sequences, lengths = keras.Input((None, VALUES)), keras.Input((), dtype="int32")
    x = sequences
    for _ in range(2):
        x = BidirectionalLSTM(width)(x, lengths)
    model = CTCModel([sequences, lengths], {"logits": keras.layers.Dense(CLASSES)(x), "frames": lengths})
    model.compile(keras.optimizers.AdamW(1e-3))
    generator = np.random.default_rng(0)
    values = tf.constant(generator.standard_normal((BATCH, FRAMES, VALUES)), tf.float32)
    labels = tf.constant(generator.integers(0, CLASSES - 1, (BATCH, LABELS)), tf.int32)
    inputs = [values, tf.fill([BATCH], FRAMES)]
    return lambda: float(
        model.train_on_batch(inputs, labels)[0]
    ), f"tensorflow {tf.__version__}, keras {keras.__version__}"


def theirs(width: int, threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step in PyTorch, which returns the loss, and the version."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    lstm = torch.nn.LSTM(VALUES, width, num_layers=2, bidirectional=True, batch_first=True)
    last = torch.nn.Linear(2 * width, CLASSES)
    optimizer = torch.optim.AdamW([*lstm.parameters(), *last.parameters()], 1e-3)
    criterion = torch.nn.CTCLoss(blank=CLASSES - 1)
    generator = np.random.default_rng(0)
    values = torch.tensor(generator.standard_normal((BATCH, FRAMES, VALUES)), dtype=torch.float32)
    labels = torch.tensor(generator.integers(0, CLASSES - 1, (BATCH, LABELS)))
    frames, counts = torch.full((BATCH,), FRAMES), torch.full((BATCH,), LABELS)

    def step() -> float:
        optimizer.zero_grad()
        logits = last(lstm(values)[0])
        loss = criterion(logits.log_softmax(-1).transpose(0, 1), labels, frames, counts)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step, f"torch {torch.__version__}"


def work(framework: str, width: int, threads: int) -> None:
    """Answers each line of stdin, a number of steps, with the seconds and the processor seconds they took; at first the versions."""
    step, versions = {"ours": ours, "torch": theirs}[framework](width, threads)
    for _ in range(3):
        step()
    print(versions, flush=True)
    for line in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - start, time.process_time() - processor, flush=True)


class Worker:
    """A process that trains with one framework when it is told to."""

    def __init__(self, framework: str, python: str, width: int, threads: int):
        command = [python, __file__, "--worker", framework, "--widths", str(width), "--threads", str(threads)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.versions = self._line()

    def _line(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)}: ended without an answer; run it by hand to see why")
        return line

    def utterances_per_second(self, steps: int) -> tuple[float, float]:
        """Trains so many steps; returns the throughput by the wall's clock and by processor time."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return tuple(steps * BATCH / float(seconds) for seconds in self._line().split())

    def end(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


def measured(width: int, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the throughput of both at one width, pair by pair, and the median of the pairs' ratios."""
    pythons = {"ours": sys.executable, "torch": options.torch_python}
    workers = {name: Worker(name, pythons[name], width, options.threads) for name in FRAMEWORKS}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in FRAMEWORKS}
    for pair in range(options.pairs):
        for name in FRAMEWORKS if pair % 2 else FRAMEWORKS[::-1]:
            found[name].append(workers[name].utterances_per_second(options.steps))
    for worker in workers.values():
        worker.end()
    result: dict[str, Any] = {"width": width, "versions": {name: worker.versions for name, worker in workers.items()}}
    for place, clock in enumerate(CLOCKS):
        rates = {name: [pair[place] for pair in found[name]] for name in FRAMEWORKS}
        ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
        result[clock] = {
            **{f"{name}_utterances_per_second": [round(rate, 2) for rate in rates[name]] for name in FRAMEWORKS},
            "ratios": [round(ratio, 3) for ratio in ratios],
            "median_ratio": round(statistics.median(ratios), 3),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", help="the interpreter of an environment with torch")
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 256], help="of each direction")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4, help="of each framework in a pair")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each framework")
    parser.add_argument("--output", type=Path, help="a JSON file")
    parser.add_argument("--worker", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.widths[0], options.threads)
        return
    if not options.torch_python:
        parser.error("--torch-python is needed")
    document = {
        "batch": {"utterances": BATCH, "frames": FRAMES, "values": VALUES, "labels": LABELS, "classes": CLASSES},
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "load": os.getloadavg()[0],
        },
        "threads": options.threads,
        "steps": options.steps,
        "widths": [measured(width, options) for width in options.widths],
    }
    text = json.dumps(document, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
