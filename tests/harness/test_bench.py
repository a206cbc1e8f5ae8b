"""What bench measures, on a pipeline and a model of known cost."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import bench
from harness.app import Phase
from harness.settings import TrainingConfig

BATCH, WIDTH = 32, 64


def busy(values: np.ndarray) -> np.ndarray:
    """Augmentation that costs far more than the model's step."""
    for _ in range(40):
        np.linalg.svd(np.ones((60, 60)))
    return values


def batches(split, training, first_step=0):
    data = tf.data.Dataset.from_tensors((split, tf.reduce_sum(split, 1))).repeat(4)
    if training:
        data = data.repeat().map(lambda x, y: (tf.ensure_shape(tf.numpy_function(busy, [x], tf.float32), x.shape), y))
    return data


@pytest.fixture
def measured(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "ROUNDS", 3)
    monkeypatch.setattr(bench, "ROUND_SECONDS", 0.05)
    training = TrainingConfig(batch_size=BATCH)
    phase = Phase(
        name="train",
        training=training,
        steps_per_pass=10,
        build=lambda previous: keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(1)]),
        compile_arguments=lambda: {"loss": "mse"},
        batches=batches,
    )
    split = np.ones((BATCH, WIDTH), np.float32)
    config = types.SimpleNamespace(training=training)
    session = types.SimpleNamespace(
        app=types.SimpleNamespace(phases=lambda *arguments: [phase]),
        targets=lambda: [types.SimpleNamespace(config=config)],
        prepared=lambda target: types.SimpleNamespace(spec={}, splits={"train": split}),
        folder=tmp_path,
    )
    return bench.bench(session)


def test_a_dear_augmentation_shows_in_the_pipeline_ratio_and_is_listed_apart(measured):
    step = measured["step_ms"]
    assert measured["pipeline_ratio"] == pytest.approx(step["real_pipeline"] / step["cached_batch"])
    assert measured["pipeline_ratio"] > 1.5
    assert measured["augmentation_ms"] == pytest.approx(step["input_alone"], rel=0.5)
    assert measured["pipeline_ratio_without_augmentation"] < measured["pipeline_ratio"]


def test_the_harness_pays_its_share_of_a_checkpoint(measured):
    step = measured["step_ms"]
    expected = (step["harness"] + measured["checkpoint_ms"] / 10) / step["real_pipeline"]
    assert measured["harness_ratio"] == pytest.approx(expected)
    assert measured["checkpoint_ms"] > 0
    assert measured["examples_per_second"] == pytest.approx(1000 * BATCH / step["harness"])
