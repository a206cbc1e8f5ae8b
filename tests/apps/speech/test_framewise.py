"""Frames labelled by a CTC model's alignment, and the classifier trained on them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.speech import app, data, decoding, models
from apps.speech.config import Config, DataConfig, FeaturesConfig, Framewise
from apps.speech.models.framewise import frame_labels
from harness.app import Prepared, Source
from harness.settings import TrainingConfig
from shared_layers.ctc.framewise_model import FramewiseModel

SPEC = {"characters": list("ab")}
CONFIG = Config(
    data=DataConfig(speeds=(0.9, 1.1)),
    features=FeaturesConfig(bins=20),
    model=Framewise(units=6, layers=1, filters=(4,), projection=0, epochs_share=0.5),
    training=TrainingConfig(epochs=10, batch_size=2),
)


def sure(path):
    """Log-probabilities of a path of classes, each almost certain."""
    return np.log(0.9 * np.eye(3)[path] + 0.1 / 3)


def test_each_frame_bears_the_label_of_the_nearest_spike():
    path = [2, 2, 2, 2, 0, 2, 2, 2, 1, 1, 2, 2, 2, 2]
    expected = [-1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, -1, -1]
    assert frame_labels(sure(path), [0, 1]).tolist() == expected
    assert frame_labels(sure([0, 2, 0]), [0, 0]).tolist() == [0, 0, 0]
    assert frame_labels(sure([2, 2]), []).tolist() == [-1, -1]


def test_loss_and_error_rate_are_those_of_the_labelled_frames():
    model = FramewiseModel(*[{"logits": keras.Input((None, 3), name="logits")}] * 2)
    model.compile("sgd")
    logits = np.random.default_rng(0).standard_normal((2, 4, 3)).astype(np.float32)
    targets = np.array([[0, 1, 2], [1, -1, -1]], np.int32)  # the batch's frames are more than any target's
    found = model.evaluate({"logits": logits}, targets, batch_size=2, verbose=0, return_dict=True)
    rows = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 1)]
    values = [(logits[n, t], label) for n, t, label in rows]
    assert found["loss"] == pytest.approx(np.mean([np.log(np.exp(v).sum()) - v[i] for v, i in values]), abs=1e-5)
    assert found["frame_error_rate"] == pytest.approx(np.mean([v.argmax() != i for v, i in values]))


@pytest.fixture(scope="module")
def phases():
    generator = np.random.default_rng(0)
    samples = [np.round(3000 * generator.standard_normal(6000 + 400 * i)).astype(np.int16) for i in range(4)]
    split = data.Utterances(samples, ["ab", "b", "aba", "bb"], [""] * 4, list("1234"))
    prepared = Prepared({"train": split, "validation": split}, SPEC, Source("noise", "0", synthetic=True))
    return prepared, app.phases(CONFIG, SPEC, prepared)


def test_two_trainings_the_second_on_the_first_ones_alignment(phases, tmp_path):
    prepared, (by_ctc, framewise) = phases
    assert (by_ctc.name, framewise.name) == ("ctc", "train")
    assert framewise.training.epochs == 5
    assert framewise.training.monitor == "val_frame_error_rate"
    split = prepared.splits["train"]
    keras.utils.set_random_seed(0)
    ctc = by_ctc.build(None)
    model = framewise.build(ctc)
    x, targets = next(iter(framewise.batches(split, False)))
    for row, samples in zip(decoding.aligned(CONFIG, SPEC, ctc, split), split.samples, strict=True):
        assert len(row) == models.frames(CONFIG, len(samples))
    trained, _ = next(iter(framewise.batches(split, True)))
    assert set(trained["lengths"].numpy()) <= {len(samples) for samples in split.samples}  # never faster or slower
    before = [weight.numpy() for weight in ctc.weights]
    model.compile(keras.optimizers.Adam(0.02))
    losses = [model.train_on_batch(x, targets, return_dict=True)["loss"] for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    for left, right in zip(before, ctc.weights, strict=True):
        np.testing.assert_array_equal(left, right.numpy())
    outputs = model(x)
    np.testing.assert_allclose(outputs["ctc_logits"], ctc(x)["logits"], atol=1e-6)
    assert np.abs(outputs["logits"] - outputs["ctc_logits"]).max() > 0.1
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    for name, value in again(x).items():
        np.testing.assert_allclose(tf.cast(value, tf.float32), tf.cast(outputs[name], tf.float32), atol=1e-6)
