"""The average of many forward passes with dropout at work, beside the single pass with all units."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from harness import classification
from harness.app import Metric, Predictions
from harness.formatting import metric_text
from harness.sections import Table

PASSES = 100
SEED = 0
BATCH = 500


def has_dropout(model: keras.Model) -> bool:
    """Tells whether some layer leaves units out in training."""
    return any(isinstance(layer, keras.layers.Dropout) and layer.rate > 0 for layer in model.layers)


def average(model: keras.Model, images: np.ndarray, passes: int = PASSES) -> np.ndarray:
    """Returns the mean softmax of forward passes with dropout at work, float32 [n, classes]; the masks follow from SEED.

    Batch normalisation keeps the averages of training.

    Args:
        images: [n, height, width, ...], 0 to 255.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 2014, section 7.5 (Monte-Carlo model
    averaging against weight scaling); Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """
    keras.utils.set_random_seed(SEED)
    stochastic = keras.models.clone_model(model)
    stochastic.set_weights(model.get_weights())
    stochastic.trainable = False  # so that batch normalisation stays as it is while dropout trains

    @tf.function(reduce_retracing=True)
    def mean(batch: tf.Tensor) -> tf.Tensor:
        total = tf.zeros_like(stochastic(batch, training=False))
        for _ in tf.range(passes):
            total += tf.nn.softmax(stochastic(batch, training=True))
        return total / passes

    batches = np.array_split(images.astype(np.float32), max(1, -(-len(images) // BATCH)))
    return np.concatenate([mean(tf.constant(batch)).numpy() for batch in batches])


def compared(predictions: Predictions, names: Sequence[str]) -> dict[str, dict[str, Metric]]:
    """Returns the metrics of the single pass and of the mean of stochastic passes, on the same pictures; {} without dropout.

    Args:
        predictions: labels [n] and probabilities [n, classes]; with dropout also dropout_average [m, classes] of the pictures
            subset [m].
    """
    if "dropout_average" not in predictions:
        return {}
    subset = predictions["subset"]
    answers = {"single_pass": predictions["probabilities"][subset], "dropout_average": predictions["dropout_average"]}
    labels = predictions["labels"][subset]
    return {name: classification.metrics(labels, probabilities, names) for name, probabilities in answers.items()}


def metrics(predictions: Predictions, names: Sequence[str]) -> dict[str, Metric]:
    """Returns accuracy and negative log-likelihood of both, by name."""
    found = {}
    for name, measured in compared(predictions, names).items():
        found[f"accuracy_{name}"] = measured["accuracy"]
        found[f"negative_log_likelihood_{name}"] = measured["negative_log_likelihood"]
    return found


def tables(predictions: Predictions, names: Sequence[str]) -> list[Table]:
    """Compares both; none without dropout."""
    if "dropout_average" not in predictions:
        return []
    titles = {"single_pass": "one pass, all units", "dropout_average": f"mean of {PASSES} passes with dropout"}
    rows = [
        [titles[name], *(_text(key, measured[key]) for key in ("error_rate", "negative_log_likelihood"))]
        for name, measured in compared(predictions, names).items()
    ]
    caption = (
        f"On {len(predictions['subset']):,} test pictures (a fixed, seeded choice), with 95 % intervals. Dividing the weights by the chance "
        "that a unit stays, as the one pass does, approximates the mean (Srivastava et al. 2014, section 7.5)."
    )
    return [Table("Average over dropout", caption, ["", "error rate", "negative log-likelihood"], rows)]


def _text(key: str, metric: Metric) -> str:
    return metric_text(key, {"value": metric.value, "unit": metric.unit, "interval95": metric.interval95})
