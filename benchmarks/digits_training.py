"""How fast LeNet-5 and the digits' convolutional network train here and in PyTorch: the same network, batch and processor.

    python benchmarks/digits_training.py --torch-python OTHER/bin/python --output benchmarks/results/digits_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it. The batch lies in memory, and
neither side varies it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pairs

ROOT = Path(__file__).resolve().parents[1]
BATCH = {"lenet5-mnist": 128, "convnet-mnist": 256}
"""Pictures a step of each preset."""


def batch(preset: str):
    """Returns pictures float32 [batch, 28, 28] from 0 to 255 and labels int64 [batch]."""
    import numpy as np

    generator = np.random.default_rng(0)
    count = BATCH[preset]
    return generator.uniform(0, 255, (count, 28, 28)).astype(np.float32), generator.integers(0, 10, count)


def ours(preset: str, threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step of the suite's network, which returns the loss, and the versions."""
    sys.path.insert(0, str(ROOT))
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    from apps.digits import losses, models
    from apps.digits.presets import PRESETS

    config = PRESETS[preset].config
    model = models.build(config, {"class_names": list("0123456789")})
    model.compile(keras.optimizers.AdamW(1e-3), losses.loss(config))
    images, labels = (tf.constant(values) for values in batch(preset))
    return lambda: float(
        model.train_on_batch(images, labels)
    ), f"tensorflow {tf.__version__}, keras {keras.__version__}"


def theirs(preset: str, threads: int) -> tuple[Callable[[], float], str]:
    """Returns a training step in PyTorch, which returns the loss, and the version."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    network = {"lenet5-mnist": _lenet5, "convnet-mnist": _convnet}[preset](torch.nn)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    images, labels = (torch.tensor(values) for values in batch(preset))
    # the faster of PyTorch's two layouts on a CPU
    network = network.to(memory_format=torch.channels_last)
    images = images[:, None].contiguous(memory_format=torch.channels_last)

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(network(images / 255.0), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step, f"torch {torch.__version__}"


def _lenet5(nn):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def _convnet(nn):
    layers, before = [], 1
    for width in (32, 64, 128):
        layers += [
            nn.Conv2d(before, width, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", help="the interpreter of an environment with torch")
    parser.add_argument("--presets", nargs="+", choices=list(BATCH), default=list(BATCH))
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="of each framework in a pair")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each framework")
    parser.add_argument("--output", type=Path, help="a JSON file")
    parser.add_argument("--worker", choices=pairs.FRAMEWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        pairs.work(*{"ours": ours, "torch": theirs}[options.worker](options.presets[0], options.threads))
        return
    if not options.torch_python:
        parser.error("--torch-python is needed")
    pythons, found = {"ours": sys.executable, "torch": options.torch_python}, []
    for preset in options.presets:
        own = ["--presets", preset, "--threads", str(options.threads)]
        commands = {name: [pythons[name], __file__, "--worker", name, *own] for name in pairs.FRAMEWORKS}
        figures = pairs.measured(commands, BATCH[preset], options.pairs, options.steps)
        found.append({"preset": preset, **figures})
    document = {"machine": pairs.machine(), "threads": options.threads, "networks": found}
    text = json.dumps(document, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
