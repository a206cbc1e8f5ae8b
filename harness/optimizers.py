"""The optimizer and learning-rate schedule a TrainingConfig asks for."""

from __future__ import annotations

import keras
import tensorflow as tf

from harness.muon import OPTIMIZERS
from harness.settings import TrainingConfig


@keras.saving.register_keras_serializable(package="harness")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the first value of another schedule, then follows it."""

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, peak: float, steps: int):
        super().__init__()
        self.schedule, self.peak, self.steps = schedule, peak, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rising = self.peak * (step + 1.0) / self.steps
        return keras.ops.where(step < self.steps, rising, self.schedule(keras.ops.maximum(step - self.steps, 0.0)))

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "peak": self.peak, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["peak"], config["steps"])


def learning_rate(training: TrainingConfig, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate over `steps` steps, peak at the end of the warm-up."""
    peak, final = training.learning_rate, training.final_learning_rate
    warm_up = round(training.warmup_fraction * steps)
    rest = max(1, steps - warm_up)
    schedules = keras.optimizers.schedules
    if training.schedule == "cosine":
        schedule = schedules.CosineDecay(peak, rest, alpha=final / peak)
    elif training.schedule == "linear":
        schedule = schedules.PolynomialDecay(peak, rest, end_learning_rate=final, power=1.0)
    elif training.schedule == "exponential":
        schedule = schedules.ExponentialDecay(peak, rest, decay_rate=max(final / peak, 1e-3))
    elif training.schedule == "inverse_time":
        schedule = schedules.InverseTimeDecay(peak, rest, decay_rate=peak / final - 1 if final else 9.0)
    elif warm_up:
        schedule = schedules.PolynomialDecay(peak, 1, end_learning_rate=peak)
    else:
        return peak
    return WarmUp(schedule, peak, warm_up) if warm_up else schedule


def build_optimizer(training: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Returns the optimizer for a training of `steps` steps.

    Raises:
        ValueError: a name or an option that Keras does not know.
    """
    options = {
        "learning_rate": learning_rate(training, steps),
        "global_clipnorm": training.clip_norm,
        "clipvalue": training.clip_value,
        "use_ema": training.ema_momentum is not None,
        **training.optimizer_options,
    }
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    if training.ema_momentum is not None:
        options["ema_momentum"] = training.ema_momentum
    try:
        kind = OPTIMIZERS.get(training.optimizer) or type(keras.optimizers.get(training.optimizer))
    except ValueError:
        raise ValueError(
            f"--training.optimizer {training.optimizer} is no Keras optimizer; there are adam, adamw, sgd, rmsprop, adagrad, adadelta, "
            f"nadam, lion, muon, adafactor, ftrl, and ours: {', '.join(OPTIMIZERS)}"
        ) from None
    try:
        optimizer = kind(**options)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"--training.optimizer-options: {kind.__name__} does not take that option ({error})"
        ) from error
    if training.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        _clip_the_sum(optimizer)
    return optimizer


def _clip_the_sum(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes the optimizer clip the gradient of the global batch, as one device does.

    Keras 3.15 clips each replica's gradient before it adds them up.
    """
    clip, add_up = optimizer._clip_gradients, optimizer._all_reduce_sum_gradients

    def add_up_and_clip(grads_and_vars):
        gradients, variables = zip(*add_up(grads_and_vars), strict=True)
        return list(zip(clip(list(gradients)), variables, strict=True))

    optimizer._clip_gradients = lambda gradients: gradients
    optimizer._all_reduce_sum_gradients = add_up_and_clip
