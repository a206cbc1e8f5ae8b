"""How fast cifar10's residual network trains here and in PyTorch: the same network, batch and processor, in interleaved pairs.

    python benchmarks/residual_training.py --torch-python OTHER/bin/python --output benchmarks/results/residual_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pairs

BATCH, SIZE, CLASSES, SMOOTHING, LOGIT_SCALE = 256, 32, 10, 0.2, 0.125
WIDTHS = (64, 128, 256)
"""Of residual-cifar10, like all that is said of the network in `theirs`."""
MEMORY = {"torch": "channels_last", "torch-contiguous": "contiguous_format"}
"""PyTorch's two layouts of pictures in memory; the faster one is to be compared with."""


def ours(threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step of preset residual-cifar10, which returns the loss, how many weights it trains, and the versions."""
    pairs.import_ours(threads)
    import keras
    import numpy as np
    import tensorflow as tf

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
    return pairs.keras_step(model, images, labels)


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


def theirs(layout: str, threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step in PyTorch, which returns the loss, how many weights it trains, and the version."""
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

    *step, version = pairs.torch_step(lambda: criterion(model(images), labels), optimizer)
    return *step, f"{version}, {layout}"


def main() -> None:
    options = pairs.parser(__doc__.splitlines()[0], steps=2, workers=("ours", *MEMORY)).parse_args()
    if options.worker:
        threads = options.threads
        pairs.work(*(ours(threads) if options.worker == "ours" else theirs(MEMORY[options.worker], threads)))
        return
    document: dict[str, Any] = {"machine": pairs.machine(), "network": "residual-cifar10", "threads": options.threads}
    for layout in MEMORY:
        commands = pairs.commands(__file__, options, theirs=layout)
        document[layout] = pairs.measured(commands, BATCH, options.pairs, options.steps)
    pairs.write(document, options.output)


if __name__ == "__main__":
    main()
