"""The siamese network: one encoder for both pictures of a pair, and the distance of what it makes of them."""

from __future__ import annotations

import keras

from apps.digits.config import Siamese
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.siamese.siamese_distance import SiameseDistance

layers = keras.layers

START_VARIANCE = 0.01
"""Of the embedding's weights, times Glorot's: pairs start inside the margin, where both kinds have a gradient."""
ENCODER = "encoder"
"""Name of the layer that makes an embedding of a picture."""


def build_siamese(model: Siamese) -> keras.Model:
    """Builds pairs of pictures [batch, 2, 28, 28], 0 to 255, ink bright -> Euclidean distance of their embeddings [batch].

    The layer "encoder" makes embeddings [batch, dimensions] of pictures [batch, 28, 28].

    Source: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006, section 3; the
    encoder is the suite's own.
    """
    pairs = keras.Input((2, 28, 28), name="pairs")
    encoder = build_encoder(model)
    distance = SiameseDistance(name="distance", dtype="float32")(encoder(pairs[:, 0]), encoder(pairs[:, 1]))
    return keras.Model(pairs, distance, name="siamese")


def build_encoder(model: Siamese) -> keras.Model:
    """Builds 3x3 convolutions with batch normalisation, ReLU and 2x2 max-pooling, and a linear layer; [batch, dimensions]."""
    inputs = keras.Input((28, 28), name="images")
    x = layers.Rescaling(1.0 / 255.0)(layers.Reshape((28, 28, 1))(inputs))
    for number, width in enumerate(model.widths, 1):
        x = ConvBatchNorm(width, pool_size=2, name=f"convolution{number}")(x)
    x = layers.Flatten()(x)
    start = keras.initializers.VarianceScaling(START_VARIANCE, "fan_avg", "uniform")
    embedding = layers.Dense(model.dimensions, kernel_initializer=start, dtype="float32", name="embedding")(x)
    return keras.Model(inputs, embedding, name=ENCODER)
