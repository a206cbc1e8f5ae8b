"""The phases of the classifier on an autoencoder's code: autoencoder, perceptron on the frozen code, everything."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from apps.cifar10.config import Config
from apps.cifar10.data import batches
from apps.cifar10.models.autoencoder import build_autoencoder, build_code_classifier
from harness.app import Phase, Prepared


def autoencoder_phases(config: Config, spec: dict[str, Any], prepared: Prepared, classify: Phase) -> list[Phase]:
    """Returns the phases before and including the last, in which all layers learn to classify; the decoder is gone by then.

    The autoencoder sees every training picture, without its label; the others see those of `classify`.

    Args:
        classify: as for a network without pre-training.
    """
    model = config.model
    if not model.pretrained:
        return [classify]
    unsupervised = dataclasses.replace(
        config.training, epochs=model.autoencoder_epochs, monitor="loss", monitor_mode="min", keep="last"
    )
    supervised = dataclasses.replace(config.training, start_from=None)
    autoencoder = Phase(
        name="autoencoder",
        training=unsupervised,
        steps_per_pass=len(prepared.splits["train"]) // config.training.batch_size,
        build=lambda previous: build_autoencoder(model, spec),
        compile_arguments=lambda: {"loss": keras.losses.MeanSquaredError()},
        batches=lambda split, training, first_step=0: reconstructed(config, spec, split, training, first_step),
    )
    frozen = dataclasses.replace(
        classify,
        name="frozen",
        training=dataclasses.replace(supervised, epochs=model.frozen_epochs),
        build=lambda previous: build_code_classifier(model, spec, previous),
    )
    return [autoencoder, frozen, dataclasses.replace(classify, training=supervised, build=thawed)]


def reconstructed(
    config: Config, spec: dict[str, Any], split: Any, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (pictures float32 [batch, size, size, 3] of 0 to 255, the same of 0 to 1), varied when training."""
    return batches(config, spec, split, training, first_step).map(lambda x, *labels: (x, x / 255.0))


def thawed(model: keras.Model) -> keras.Model:
    """Returns the model with all its layers learning."""
    for layer in model.layers:  # the model itself counts as learning already, so setting that would change nothing
        layer.trainable = True
    return model
