"""How fast cifar10's residual network trains here and in PyTorch: the same network, batch and processor, in interleaved pairs.

    python benchmarks/residual_training.py --torch-python OTHER/bin/python --output benchmarks/results/residual_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pairs

ROOT = Path(__file__).resolve().parents[1]
BATCH, SIZE, CLASSES, SMOOTHING, LOGIT_SCALE = 256, 32, 10, 0.2, 0.125
WIDTHS = (64, 128, 256)
"""Of residual-cifar10, like all that is said of the network in `theirs`."""
MEMORY = {"torch": "channels_last", "torch-contiguous": "contiguous_format"}
"""PyTorch's two layouts of pictures in memory; the faster one is to be compared with."""


def ours(threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step of preset residual-cifar10, which returns the loss, and the versions."""
    sys.path.insert(0, str(ROOT))
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    from apps.cifar10.models.residual import build_residual
    from apps.cifar10.presets import PRESETS
    from harness import devices
    from harness.optimizers import build_optimizer

    config = PRESETS["residual-cifar10"].config
    assert (config.model.widths, config.model.label_smoothing) == (WIDTHS, SMOOTHING)
    devices.set_up(1, "float32")
    colours = {"mean": [125.0] * 3, "standard_deviation": [63.0] * 3}
    spec = {"size": SIZE, "class_names": list("abcdefghij"), **colours}
    model = build_residual(config.model, spec)
    training = dataclasses.replace(config.training, schedule="constant", warmup_fraction=0.0, learning_rate=0.1)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    model.compile(build_optimizer(training, 1), loss)
    generator = np.random.default_rng(0)
    images = tf.constant(generator.uniform(0, 255, (BATCH, SIZE, SIZE, 3)), tf.float32)
    labels = tf.one_hot(generator.integers(0, CLASSES, BATCH), CLASSES)
    return lambda: float(
        model.train_on_batch(images, labels)
    ), f"tensorflow {tf.__version__}, keras {keras.__version__}"


def network(torch: Any) -> Any:
    """Returns the same network in PyTorch."""
    nn = torch.nn

    def convolution(inputs: int, width: int, pool: bool = False, activate: bool = True) -> Any:
        layers = [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.MaxPool2d(2) if pool else nn.Identity()]
        return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.GELU() if activate else nn.Identity())

    class Block(nn.Module):
        def __init__(self, width: int):
            super().__init__()
            self.residual = nn.Sequential(convolution(width, width), convolution(width, width, activate=False))

        def forward(self, x):
            return nn.functional.gelu(x + self.residual(x))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            groups = [
                nn.Sequential(convolution(before, width, pool=True), Block(width))
                for before, width in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True)
            ]
            self.groups, self.classifier = nn.Sequential(*groups), nn.Linear(WIDTHS[-1], CLASSES, bias=False)

        def forward(self, x):
            x = self.groups((x - 125.0) / 63.0)
            return LOGIT_SCALE * self.classifier(x.amax((2, 3)))

    return Network()


def theirs(layout: str, threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step in PyTorch, which returns the loss, and the version."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    memory = getattr(torch, layout)
    model = network(torch).to(memory_format=memory)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=0.005)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    generator = np.random.default_rng(0)
    images = torch.tensor(generator.uniform(0, 255, (BATCH, 3, SIZE, SIZE)), dtype=torch.float32)
    images = images.contiguous(memory_format=memory)
    labels = torch.tensor(generator.integers(0, CLASSES, BATCH))

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step, f"torch {torch.__version__}, {layout}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", help="the interpreter of an environment with torch")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2, help="of each framework in a pair")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each framework")
    parser.add_argument("--output", type=Path, help="a JSON file")
    parser.add_argument("--worker", choices=("ours", *MEMORY), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        threads = options.threads
        pairs.work(*(ours(threads) if options.worker == "ours" else theirs(MEMORY[options.worker], threads)))
        return
    if not options.torch_python:
        parser.error("--torch-python is needed")
    document: dict[str, Any] = {"machine": pairs.machine(), "network": "residual-cifar10", "threads": options.threads}
    for layout in MEMORY:
        pythons = {"ours": sys.executable, layout: options.torch_python}
        ours_and_theirs = [
            [python, __file__, "--worker", worker, "--threads", str(options.threads)]
            for worker, python in pythons.items()
        ]
        commands = dict(zip(pairs.FRAMEWORKS, ours_and_theirs, strict=True))
        document[layout] = pairs.measured(commands, BATCH, options.pairs, options.steps)
    text = json.dumps(document, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
