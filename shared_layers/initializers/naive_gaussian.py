"""The initialiser of textbooks: one standard deviation for every layer."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="shared_layers")
class NaiveGaussian(keras.initializers.RandomNormal):
    """Normal weights of one standard deviation, whatever the number of inputs and outputs.

    In a deep net 0.01 lets the signal die out layer by layer and 1.0 saturates it; Glorot's and He's initialisers scale by
    the layer's width instead.

    Args:
        stddev: standard deviation of the weights.
        seed: of the weights; None: drawn from Keras' global seed.

    Output shape: the shape asked for.

    Source: the starting point of Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Example:
        >>> weights = NaiveGaussian(0.01, seed=1)((784, 30)).numpy()
        >>> bool(abs(weights.std() - 0.01) < 0.001)
        True
    """

    def __init__(self, stddev: float = 0.01, seed: int | None = None):
        if stddev <= 0:
            raise ValueError(f"stddev must be above 0, received {stddev}")
        super().__init__(mean=0.0, stddev=stddev, seed=seed)

    def get_config(self):
        return {"stddev": self.stddev, "seed": self.seed}
