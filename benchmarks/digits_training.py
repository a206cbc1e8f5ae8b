"""How fast LeNet-5 and the digits' convolutional network train here and in PyTorch: the same network, batch and processor.

    python benchmarks/digits_training.py --torch-python OTHER/bin/python --output benchmarks/results/digits_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it. The batch lies in memory, and
neither side varies it.
"""

from __future__ import annotations

from collections.abc import Callable

import pairs

BATCH = {"lenet5-mnist": 128, "convnet-mnist": 256}
"""Pictures a step of each preset."""


def batch(preset: str):
    """Returns pictures float32 [batch, 28, 28] from 0 to 255 and labels int64 [batch]."""
    import numpy as np

    generator = np.random.default_rng(0)
    count = BATCH[preset]
    return generator.uniform(0, 255, (count, 28, 28)).astype(np.float32), generator.integers(0, 10, count)


def ours(preset: str, threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step of the suite's network, which returns the loss, how many weights it trains, and the versions."""
    pairs.import_ours(threads)
    import keras
    import tensorflow as tf

    from apps.digits import losses, models
    from apps.digits.presets import PRESETS

    config = PRESETS[preset].config
    model = models.build(config, {"class_names": list("0123456789")})
    model.compile(keras.optimizers.AdamW(1e-3), losses.loss(config))
    images, labels = (tf.constant(values) for values in batch(preset))
    return pairs.keras_step(model, images, labels)


def theirs(preset: str, threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step in PyTorch, which returns the loss, how many weights it trains, and the version."""
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

    return pairs.torch_step(lambda: criterion(network(images / 255.0), labels), optimizer)


def _lenet5(nn):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def _convnet(nn):
    layers, before = [], 1
    for width in (16, 32, 64):
        for number in (1, 2, 3):
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.MaxPool2d(2) if number == 2 else nn.Identity(),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def main() -> None:
    parser = pairs.parser(__doc__.splitlines()[0], steps=10)
    parser.add_argument("--presets", nargs="+", choices=list(BATCH), default=list(BATCH))
    options = parser.parse_args()
    if options.worker:
        pairs.work(*{"ours": ours, "torch": theirs}[options.worker](options.presets[0], options.threads))
        return
    found = []
    for preset in options.presets:
        commands = pairs.commands(__file__, options, "--presets", preset)
        figures = pairs.measured(commands, BATCH[preset], options.pairs, options.steps)
        found.append({"preset": preset, **figures})
    pairs.write({"machine": pairs.machine(), "threads": options.threads, "networks": found}, options.output)


if __name__ == "__main__":
    main()
