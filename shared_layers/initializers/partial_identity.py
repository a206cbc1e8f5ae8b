"""Convolutions that start by passing their input on."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class PartialIdentity(keras.initializers.Initializer):
    """Convolution kernels whose first filters copy the input's channels one by one; the others are uniform.

    Of `channels` inputs and `filters` outputs, the first min(channels, filters) outputs are the inputs themselves. The rest is
    drawn from the interval of plus and minus 1 / sqrt(number of inputs of a filter).

    Args:
        seed: of the uniform weights; None: drawn from Keras' global seed.

    Output shape: the kernel's, [height, width, channels, filters]; height and width are odd.

    Raises:
        ValueError: a kernel of another rank, or without a middle.

    Source: the `dirac` initialiser of Zagoruyko and Komodakis, "DiracNets", 2017, on part of the filters: Jordan, "94% on
    CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2.

    Example:
        >>> kernel = PartialIdentity(seed=1)((3, 3, 2, 4)).numpy()
        >>> kernel[1, 1, :, :2].tolist(), float(abs(kernel[0, 0, :, :2]).sum())
        ([[1.0, 0.0], [0.0, 1.0]], 0.0)
    """

    def __init__(self, seed: int | None = None):
        self.seed = seed
        self.uniform = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=seed)

    def __call__(self, shape, dtype=None):
        height, width, channels, filters = shape if len(shape) == 4 else (0, 0, 0, 0)
        if not height % 2 or not width % 2:
            raise ValueError(f"a kernel [height, width, channels, filters] of odd height and width, received {shape}")
        copies = min(channels, filters)
        middle = ops.pad(ops.eye(channels, copies, dtype=dtype)[None, None], _around(height, width))
        return ops.concatenate([middle, self.uniform(shape, dtype=dtype)[..., copies:]], axis=-1)

    def get_config(self):
        return {"seed": self.seed}


def _around(height: int, width: int) -> list[list[int]]:
    return [[height // 2, height // 2], [width // 2, width // 2], [0, 0], [0, 0]]
