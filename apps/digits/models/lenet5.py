"""LeNet-5 in its paper form and its max-pool form."""

from __future__ import annotations

import keras

from apps.digits.config import LeNet5
from shared_layers.convolution.trainable_subsampling import TrainableSubsampling

layers = keras.layers


def build_lenet5(model: LeNet5, classes: int) -> keras.Model:
    """Builds LeNet-5 on pictures of 28 x 28 pixels, values 0 to 255, ink bright.

    The paper form has C1 (6 of 5x5), S2, C3 (16 of 5x5), S4, C5 (120), F6 (84) with trainable sub-sampling and scaled tanh. It
    departs from the paper in two things that later practice dropped: C3 sees all six maps, and the output is a softmax
    layer instead of fixed radial basis functions.

    Output: logits, float32 [batch, classes].

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section II.
    """
    paper = model.form == "paper"
    initializer = "lecun_normal" if paper else "he_normal"

    def activate(x):
        if not paper:
            return layers.Activation("relu")(x)
        return layers.Rescaling(1.7159)(layers.Activation("tanh")(layers.Rescaling(2.0 / 3.0)(x)))

    def pool(x):
        return activate(TrainableSubsampling(2)(x)) if paper else layers.MaxPooling2D(2)(x)

    inputs = keras.Input((28, 28), name="images")
    x = layers.Rescaling(1.0 / 255.0)(layers.Reshape((28, 28, 1))(inputs))
    x = layers.Normalization(axis=None, mean=0.1307, variance=0.3081**2)(x)
    for filters, padding in ((6, "same"), (16, "valid")):
        x = layers.Conv2D(filters, 5, padding=padding, kernel_initializer=initializer)(x)
        x = pool(activate(x))
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dropout(model.dropout)(x) if model.dropout else x
        x = activate(layers.Dense(units, kernel_initializer=initializer)(x))
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="lenet5")
