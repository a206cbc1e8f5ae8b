"""The noisy ReLU."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class NoisyReLU(keras.layers.Layer):
    """max(0, x + normal noise of variance sigmoid(x)) in training, max(0, x) otherwise.

    The noise is taken as given by the gradient, which is 1 where the output is above zero, as for the ReLU.

    Args:
        seed: of the noise.

    Input shape: any.
    Output shape: the same.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010, section 2.

    Example:
        >>> import numpy as np
        >>> layer = NoisyReLU(seed=1)
        >>> layer(np.array([-2.0, 3.0])).numpy().tolist()
        [0.0, 3.0]
        >>> float(layer(np.array(3.0), training=True)) == 3.0
        False
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return ops.relu(inputs)
        noise = keras.random.normal(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return ops.relu(inputs + ops.stop_gradient(noise * ops.sqrt(ops.sigmoid(inputs))))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
