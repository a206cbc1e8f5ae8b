"""Training of a run's phases by Keras `fit`: resumable, stoppable, guarded against NaN."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import pandas

from datasets.errors import DataError
from harness import devices, multiworker, resume, runs
from harness.app import App, Phase, Prepared
from harness.optimizers import build_optimizer
from harness.settings import TrainingConfig


class TrainingStopped(Exception):
    """The person (Ctrl-C) or the system (SIGTERM) asked the training to end."""


class TrainingFailed(Exception):
    """The training cannot go on; the message says why and what to try."""


class StopRequest:
    """Remembers that SIGINT or SIGTERM came, so that the step under way can finish."""

    def __init__(self) -> None:
        self.received = False

    def _receive(self, number: int, frame: Any) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Catches both signals inside the with-block; a second one ends the process at once."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Guard(keras.callbacks.Callback):
    """Stops `fit` by an exception: on a request, or when the loss is no longer finite."""

    def __init__(self, stop: StopRequest):
        super().__init__()
        self.stop, self.epoch = stop, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainingFailed(
                f"the loss became {loss} at epoch {self.epoch + 1}, batch {batch + 1}; "
                "try a lower --training.learning-rate or --training.clip-norm 1"
            )
        self._check_stop()

    def on_test_batch_end(self, batch, logs=None):
        self._check_stop()

    def _check_stop(self):
        if self.stop.received:
            raise TrainingStopped


class Progress(keras.callbacks.Callback):
    """One line on stderr an epoch, and one every ten seconds inside long epochs, with the time left."""

    def __init__(self, name: str, epochs: int, steps: int):
        super().__init__()
        self.phase, self.epochs, self.steps = name, epochs, steps
        self.seen = self.epoch = 0

    def on_train_begin(self, logs=None):
        self.start = self.last = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if time.monotonic() - self.last > 10:
            self._line(f"step {batch + 1}/{self.steps}", batch + 1, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._line("done", self.steps, logs)

    def _line(self, where: str, steps_done: int, logs: dict[str, Any] | None) -> None:
        self.last = time.monotonic()
        left = (self.epochs - self.epoch) * self.steps - steps_done
        minutes = (self.last - self.start) / max(1, self.seen) * left / 60
        values = "  ".join(f"{name} {float(value):.4g}" for name, value in (logs or {}).items())
        runs.say(f"{self.phase}: epoch {self.epoch + 1}/{self.epochs} {where}  {values}  ({minutes:.1f} min left)")


class ValidateAverages(keras.callbacks.Callback):
    """Validates with the moving averages of the weights, where the optimizer keeps them."""

    def on_test_begin(self, logs=None):
        variables = self.model.trainable_variables
        self.raw = [keras.ops.convert_to_numpy(v) for v in variables]
        for variable, average in zip(variables, averages_of(self.model), strict=True):
            variable.assign(keras.ops.convert_to_numpy(average))

    def on_test_end(self, logs=None):
        for variable, value in zip(self.model.trainable_variables, self.raw, strict=True):
            variable.assign(value)


class Keeper(keras.callbacks.Callback):
    """After each epoch writes history.csv, the best weights and the one checkpoint a run goes on from; stops early."""

    def __init__(self, folder: Path, phase: str, training: TrainingConfig, others: list[Any], chief: bool):
        super().__init__()
        self.last = folder / "checkpoints" / f"{phase}-last.npz"
        self.best_weights = folder / "checkpoints" / f"{phase}-best.npz"
        self.history_file = folder / ("history.csv" if phase == "train" else f"history-{phase}.csv")
        self.training, self.others, self.chief = training, others, chief
        self.state: dict[str, Any] = {
            "epoch": 0,
            "best": None,
            "best_epoch": None,
            "waited": 0,
            "seconds": 0.0,
            "history": [],
        }

    def restore(self, model: keras.Model) -> None:
        """Goes back to the last whole epoch, if there is one."""
        if self.last.exists():
            self.state = resume.restore(self.last, model)
            for callback, state in zip(self.others, self.state.pop("callbacks"), strict=True):
                callback.set_state(state)

    def on_train_begin(self, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        state = self.state
        state["epoch"] = epoch + 1
        state["history"].append(row)
        now = time.monotonic()
        state["seconds"] += now - self.start
        self.start = now
        self._compare(epoch, row)
        if not self.chief:
            return
        resume.save(self.last, self.model, {**state, "callbacks": [callback.get_state() for callback in self.others]})
        runs.write_text(self.history_file, pandas.DataFrame(state["history"]).to_csv(index=False))

    def _compare(self, epoch: int, row: dict[str, float]) -> None:
        training, state = self.training, self.state
        value = row.get(training.monitor)
        if value is None:
            if (epoch + 1) % training.validate_every == 0 or not training.monitor.startswith("val_"):
                raise TrainingFailed(
                    f"--training.monitor {training.monitor} is not measured; there are {', '.join(row)}"
                )
            return
        sign = 1.0 if training.monitor_mode == "min" else -1.0
        if state["best"] is None or sign * value < sign * state["best"]:
            state.update(best=value, best_epoch=epoch + 1, waited=0)
            if self.chief and training.keep == "best":
                resume.save_weights(self.best_weights, self.model, averages_of(self.model))
        else:
            state["waited"] += 1
        if self.must_stop():
            self.model.stop_training = True

    def must_stop(self) -> bool:
        """Tells whether early stopping has waited long enough."""
        patience = self.training.early_stopping_patience
        return patience is not None and self.state["waited"] >= patience


def averages_of(model: keras.Model) -> list[Any] | None:
    """Returns the moving averages of the trainable weights, or None where the optimizer keeps none."""
    optimizer = resume.inner_optimizer(model)
    return optimizer._model_variables_moving_average if optimizer.use_ema else None


def train_phases(
    app: App, config: Any, prepared: Prepared, folder: Path, strategy: Any, stop: StopRequest
) -> tuple[keras.Model, dict[str, Any]]:
    """Trains every phase that is not finished yet.

    Returns:
        the trained model, and {"seconds": time in `fit`, "best_epoch": ..., "epochs": ...}.

    Raises:
        TrainingStopped, TrainingFailed: with everything up to the last whole epoch saved.
    """
    if config.training.jit_compile and strategy is not None:
        raise TrainingFailed("--training.jit-compile: Keras compiles for one device only; pass --strategy one")
    devices.set_up(config.training.seed, config.training.precision, config.training.deterministic)
    model, seconds, summary = None, 0.0, {}
    for phase in app.phases(config, prepared.spec, prepared):
        with devices.scope(strategy):
            model, summary = _train_phase(phase, model, prepared, folder, strategy, stop)
        seconds += summary["seconds"]
    return model, {**summary, "seconds": seconds}


def _train_phase(
    phase: Phase, previous: Any, prepared: Prepared, folder: Path, strategy: Any, stop: StopRequest
) -> tuple[keras.Model, dict[str, Any]]:
    training = phase.training
    steps = training.steps_per_epoch or phase.steps_per_pass
    keras.utils.set_random_seed(training.seed)
    model = phase.build(previous)
    if training.start_from:
        start_from(model, Path(training.start_from))
    optimizer = build_optimizer(training, steps * training.epochs)
    model.compile(optimizer=optimizer, jit_compile=training.jit_compile, **phase.compile_arguments())
    model.optimizer.build(model.trainable_variables)
    others = list(phase.callbacks())
    keeper = Keeper(
        folder, phase.name, training, [c for c in others if hasattr(c, "get_state")], devices.is_chief(strategy)
    )
    keeper.restore(model)
    first = keeper.state["epoch"]
    if first < training.epochs and not keeper.must_stop():
        if first:
            runs.say(f"{phase.name}: goes on after epoch {first} of {training.epochs}")
        _fit(phase, model, keeper, others, prepared, steps, strategy, stop)
    elif training.ema_momentum is not None:
        resume.inner_optimizer(model).finalize_variable_values(model.trainable_variables)
    if training.keep == "best" and keeper.best_weights.exists():
        resume.restore_weights(keeper.best_weights, model)
    state = keeper.state
    return model, {"seconds": state["seconds"], "best_epoch": state["best_epoch"], "epochs": state["epoch"]}


def _fit(
    phase: Phase,
    model: Any,
    keeper: Keeper,
    others: list[Any],
    prepared: Prepared,
    steps: int,
    strategy: Any,
    stop: StopRequest,
) -> None:
    training, first = phase.training, keeper.state["epoch"]
    validation = prepared.splits.get("validation")
    has_validation = validation is not None and len(validation) > 0
    if training.monitor.startswith("val_") and not has_validation:
        raise TrainingFailed(
            "there are no validation examples to choose the best epoch by; pass --training.monitor loss"
        )
    callbacks = [Guard(stop), *others, keeper, Progress(phase.name, training.epochs, steps)]
    if training.ema_momentum is not None:
        callbacks.insert(0, ValidateAverages())
    if training.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(keeper.last.parent.parent / "tensorboard"))
    data = multiworker.sharded(phase.batches(prepared.splits["train"], True, first * steps), strategy)
    multiworker.prepare_model(model, data, strategy)
    model.fit(
        data,
        steps_per_epoch=steps,
        epochs=training.epochs,
        initial_epoch=first,
        validation_data=multiworker.sharded(phase.batches(validation, False), strategy) if has_validation else None,
        validation_freq=training.validate_every,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )


def start_from(model: keras.Model, source: Path) -> None:
    """Copies the weights of every layer of `source` whose path and shape are the same.

    Raises:
        TrainingFailed: nothing fits, or there is no such model.
        DataError: a damaged one.
    """
    file = source / "model.keras" if source.is_dir() else source
    if not file.is_file():
        raise TrainingFailed(
            f"--training.start-from {source}: no model.keras there; pass a trained run's folder or a .keras file"
        )
    other = load_model(file)
    stored = {v.path: v for v in other.weights}
    fitting = [v for v in model.weights if v.path in stored and stored[v.path].shape == v.shape]
    if not fitting:
        raise TrainingFailed(f"--training.start-from {source}: none of its weights fits this model by name and shape")
    for variable in fitting:
        variable.assign(keras.ops.convert_to_numpy(stored[variable.path]))
    runs.say(f"starts from {file}: {len(fitting)} of {len(model.weights)} weights taken over")


def load_model(file: Path) -> keras.Model:
    """Loads a .keras file that is there.

    Raises:
        DataError: no such file, or damaged.
    """
    try:
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # zip, JSON, HDF5 and Keras each answer damage with errors of their own
        cause = " ".join(str(error).split())[:200]
        raise DataError(f"{file}: not a .keras model that can be loaded ({cause}); train it again") from error


def parameters(model: keras.Model) -> int:
    """Returns the number of weights."""
    return int(model.count_params())
