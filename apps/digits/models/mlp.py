"""The linear classifier, the multilayer perceptron with any activation and initialiser, and the Maxout network."""

from __future__ import annotations

import keras

from apps.digits.config import MLP, Linear, MaxoutMLP
from apps.digits.models.activations import activation
from shared_layers.activations.maxout import Maxout
from shared_layers.initializers.naive_gaussian import NaiveGaussian

layers = keras.layers

START_RANGE = 0.005
"""Of the Maxout network's uniform starting weights, as in the authors' configuration (pylearn2, mnist_pi.yaml)."""


def build_linear(model: Linear, classes: int) -> keras.Model:
    """Builds a linear classifier of the pixels; logits, float32 [batch, classes]."""
    inputs, x = _pixels()
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="linear")


def build_mlp(model: MLP, classes: int) -> keras.Model:
    """Builds 784 - units - ... - units - classes; logits, float32 [batch, classes].

    Source: Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks", AISTATS 2011, section 4.1 (four layers of
    1000 units).

    Raises:
        ValueError: an activation or initialiser nobody knows, or layers without units.
    """
    if model.layers < 0 or model.units < 1:
        raise ValueError(
            f"--model.layers {model.layers} --model.units {model.units}: expected 0 or more layers of 1 or more units"
        )
    inputs, x = _pixels()
    x = layers.Dropout(model.input_dropout)(x) if model.input_dropout else x
    for number in range(1, model.layers + 1):
        act = activation(model.activation, f"activation{number}")
        width = model.units * (act.pieces if isinstance(act, Maxout) else 1)
        x = layers.Dense(width, kernel_initializer=initializer(model.initializer, model.stddev), name=f"dense{number}")(
            x
        )
        x = act(x)
        x = layers.Dropout(model.dropout)(x) if model.dropout else x
    last = initializer(model.initializer, model.stddev)
    logits = layers.Dense(classes, kernel_initializer=last, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="mlp")


def initializer(name: str, stddev: float) -> keras.initializers.Initializer:
    """Returns a new initialiser of weights.

    Raises:
        ValueError: a name that Keras does not know.
    """
    if name == "NaiveGaussian":
        return NaiveGaussian(stddev)
    try:
        return keras.initializers.get(name)
    except ValueError:
        raise ValueError(
            f"--model.initializer {name}: Keras has no such initialiser (it has glorot_uniform, glorot_normal, he_uniform, "
            "he_normal, lecun_normal, orthogonal, ...); ours is NaiveGaussian"
        ) from None


def build_maxout_mlp(model: MaxoutMLP, classes: int) -> keras.Model:
    """Builds Maxout layers with dropout before each, or noise, or both; logits, float32 [batch, classes].

    Source: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013, section 5.1; noise on
    normalised layers: Rasmus, Valpola, Honkala, Berglund and Raiko, "Semi-supervised learning with ladder networks",
    NeurIPS 2015, section 4.1 (the supervised baseline).

    Raises:
        ValueError: layers without units or pieces, or noise beyond what Keras adds.
    """
    if model.layers < 0 or min(model.units, model.pieces) < 1:
        raise ValueError(
            f"--model.layers {model.layers} --model.units {model.units} --model.pieces {model.pieces}: expected 0 or more "
            "layers of 1 or more units with 1 or more pieces"
        )
    if not 0 <= model.noise <= 1:
        raise ValueError(f"--model.noise {model.noise}: expected 0 to 1")

    def dense(units: int, **kwargs) -> keras.layers.Layer:
        start = keras.initializers.RandomUniform(-START_RANGE, START_RANGE)
        bound = keras.constraints.MaxNorm(model.max_norm, axis=0)
        return layers.Dense(units, kernel_initializer=start, kernel_constraint=bound, **kwargs)

    def noisy(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.GaussianNoise(model.noise)(x) if model.noise else x

    inputs, x = _pixels()
    x = layers.Dropout(model.input_dropout)(noisy(x))
    for number in range(1, model.layers + 1):
        x = dense(model.units * model.pieces, name=f"dense{number}")(x)
        x = layers.BatchNormalization(synchronized=True)(x) if model.batch_normalization else x
        x = layers.Dropout(model.dropout)(Maxout(model.pieces, name=f"maxout{number}")(noisy(x)))
    return keras.Model(inputs, dense(classes, dtype="float32", name="logits")(x), name="maxout_mlp")


def _pixels() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input, pictures [batch, 28, 28] from 0 to 255, and its pixels [batch, 784] from 0 to 1."""
    inputs = keras.Input((28, 28), name="images")
    return inputs, layers.Rescaling(1.0 / 255.0)(layers.Flatten()(inputs))
