"""What bench measures, on a pipeline and a model of known cost."""

import dataclasses
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import bench, resume
from harness.app import Phase
from harness.settings import TrainingConfig

BATCH, WIDTH = 32, 64


def busy(values: np.ndarray) -> np.ndarray:
    """Augmentation that costs far more than the model's step."""
    sum(range(300_000))
    return values


@dataclasses.dataclass(frozen=True)
class Config:
    training: TrainingConfig


def phases(config, spec, prepared):
    def batches(split, training, first_step=0):
        data = tf.data.Dataset.from_tensors((split, tf.reduce_sum(split, 1))).repeat(4)
        if training:
            augmented = data.repeat().map(
                lambda x, y: (tf.ensure_shape(tf.numpy_function(busy, [x], tf.float32), x.shape), y)
            )
            data = augmented.map(lambda x, y: (x[: config.training.batch_size], y[: config.training.batch_size]))
        return data

    return [
        Phase(
            name="train",
            training=config.training,
            steps_per_pass=10,
            build=lambda previous: keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(1)]),
            compile_arguments=lambda: {"loss": "mse"},
            batches=batches,
        )
    ]


def measure(folder, **training):
    config = Config(TrainingConfig(batch_size=BATCH, **training))
    split = np.ones((BATCH, WIDTH), np.float32)
    session = types.SimpleNamespace(
        app=types.SimpleNamespace(phases=phases),
        preset_name="small",
        targets=lambda: [types.SimpleNamespace(config=config)],
        prepared=lambda target: types.SimpleNamespace(spec={}, splits={"train": split}),
        folder=folder,
    )
    return bench.bench(session)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 3)
    monkeypatch.setattr(bench, "ROUND_SECONDS", 0.2)
    monkeypatch.setattr(bench, "LONGEST_STEP", 100.0)


def test_a_dear_augmentation_shows_in_the_pipeline_ratio_and_is_listed_apart(quick, tmp_path):
    measured = measure(tmp_path)
    step = measured["step_ms"]
    own = measured["processor_time"]  # the wall's clock stretches where other work wants the processor
    assert own["pipeline_ratio"] > 1.5
    assert own["pipeline_ratio_without_augmentation"] < 0.8 * own["pipeline_ratio"]
    assert measured["augmentation_ms"] > 0.5 * step["input_alone"]
    assert measured["batch_size"] == measured["preset_batch_size"] == BATCH
    assert measured["examples_per_second"] == pytest.approx(1000 * BATCH / step["harness"])


def test_the_harness_pays_its_share_of_a_checkpoint(quick, tmp_path, monkeypatch):
    """A checkpoint of 0.3 s an epoch of ten steps is 30 ms a step, several times what such a step costs."""
    save = resume.save
    monkeypatch.setattr(resume, "save", lambda *given: [save(*given), time.sleep(0.3)])
    measured = measure(tmp_path)
    assert measured["checkpoint_ms"] > 300
    assert measured["harness_ratio"] > 1 + 0.3 * 30 / measured["step_ms"]["real_pipeline"]


def test_a_long_step_is_measured_with_a_smaller_batch(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "LONGEST_STEP", 1e-5)
    measured = measure(tmp_path)
    assert measured["batch_size"] < measured["preset_batch_size"] == BATCH


def test_every_way_trains_on_the_same_batches(quick, monkeypatch):
    """Batches of one number each, counted up: the ways of a round see the same ones, and the next round goes on behind them."""
    seen = []
    monkeypatch.setattr(bench, "_fit", lambda model, batches, steps, callbacks: read(batches, 2 * steps, seen))

    def counted(split, training, first_step=0):
        return tf.data.Dataset.counter(first_step)

    phase = types.SimpleNamespace(name="train", batches=counted)
    bench._round(phase, None, None, 0, 3)
    bench._round(phase, None, None, 1, 3)
    assert seen == 3 * [[0, 1, 2, 3, 4, 5]] + 3 * [[6, 7, 8, 9, 10, 11]]


def read(batches, count, seen):
    seen.append([int(value) for value in batches.take(count)])
    return np.zeros(2)
