import numpy as np
import pytest
import tensorflow as tf

from apps.eeg import data
from apps.eeg.config import Config, DataConfig, FeaturesConfig
from harness.settings import TrainingConfig

CONFIG = Config(
    data=DataConfig(source="demo", folds=4, fold="1", validation_subjects=1),
    features=FeaturesConfig(frame_channels="both", frames=4),
    training=TrainingConfig(batch_size=16),
)


@pytest.fixture(scope="module")
def prepared():
    return data.prepare(CONFIG)


def test_splits_are_by_subject(prepared):
    people = [set(split.subjects.tolist()) for split in prepared.splits.values()]
    assert [len(p) for p in people] == [5, 1, 2]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    assert prepared.source.synthetic


def test_statistics_come_from_the_training_subjects_alone(prepared):
    train = prepared.splits["train"].signals[:, prepared.spec["scalp"]]
    expected = (train - train.mean(axis=1, keepdims=True)).std()
    assert prepared.spec["scale"] == pytest.approx(float(expected), rel=1e-4)
    assert np.shape(prepared.spec["mean"]) == np.shape(prepared.spec["deviation"]) == (61, 4, 4)


def test_with_a_spec_everything_is_tested(prepared):
    again = data.prepare(CONFIG, prepared.spec)
    assert list(again.splits) == ["test"]
    assert len(again.splits["test"]) == sum(len(split) for split in prepared.splits.values())


def test_evaluation_batches_are_the_trials_in_order(prepared):
    split = prepared.splits["validation"]
    batches = list(data.batches(CONFIG, prepared.spec, split, False))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), split.signals)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]).argmax(axis=1), split.labels)


def test_training_goes_on_where_it_stopped(prepared):
    split = prepared.splits["train"]
    whole = list(data.batches(CONFIG, prepared.spec, split, True).take(4))
    rest = list(data.batches(CONFIG, prepared.spec, split, True, first_step=2).take(2))
    for (x, y), (again, labels) in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(x, again)
        np.testing.assert_array_equal(y, labels)
    assert not np.array_equal(whole[0][0], whole[1][0])


@pytest.mark.parametrize("mixup", [0.0, 0.2])
def test_classes_of_unequal_size_weigh_the_same(mixup):
    """Six trials of class 0 and two of class 1: weights 8 / (2 * 6) and 8 / (2 * 2), mixed where the labels are mixed."""
    signals = np.random.default_rng(0).normal(0, 1e-5, (8, 3, 8)).astype(np.float32)
    split = data.Trials(signals, np.array([0, 0, 0, 1, 0, 1, 0, 0]), np.array(["a"] * 8))
    settings = DataConfig(class_weight="balanced", mixup=mixup, time_shift=0)
    config, spec = Config(data=settings, training=TrainingConfig(batch_size=8)), {"class_names": ["rest", "move"]}
    [(_, labels, weights)] = data.batches(config, spec, split, True).take(1)
    np.testing.assert_allclose(weights, labels.numpy() @ [8 / 12, 2.0], rtol=1e-6)
    if not mixup:
        np.testing.assert_allclose(np.unique(weights), [8 / 12, 2.0], rtol=1e-6)
    [(_, labels)] = data.batches(config, spec, split, False)
    assert labels.shape == (8, 2)


def _augmented(**settings):
    off = {"time_shift": 0, "amplitude_scale": 0.0, "noise": 0.0, "electrode_dropout": 0.0, "mixup": 0.0}
    signals = np.random.default_rng(0).normal(0, 1e-5, (64, 5, 40)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[np.arange(64) % 3]
    x, y = data.augment(
        tf.constant(signals), tf.constant(labels), tf.constant([1, 2]), DataConfig(**{**off, **settings})
    )
    return signals, labels, x.numpy(), y.numpy()


def test_nothing_changes_where_every_variation_is_off():
    signals, labels, x, y = _augmented()
    np.testing.assert_array_equal(x, signals)
    np.testing.assert_array_equal(y, labels)


def test_time_shift_moves_whole_trials_by_at_most_so_many_samples():
    signals, _, x, _ = _augmented(time_shift=3)
    shifts = []
    for before, after in zip(signals, x, strict=True):
        fits = [s for s in range(-3, 4) if np.array_equal(after[:, 3:-3], before[:, 3 + s : 37 + s])]
        assert len(fits) == 1
        shifts.append(fits[0])
    assert set(shifts) == set(range(-3, 4))


def test_amplitude_scale_multiplies_whole_trials():
    signals, _, x, _ = _augmented(amplitude_scale=0.3)
    factors = x / signals
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1, :1], factors.shape), rtol=1e-4)
    assert np.log(factors[:, 0, 0]).std() == pytest.approx(0.3, abs=0.08)


def test_electrode_dropout_silences_whole_electrodes():
    signals, _, x, _ = _augmented(electrode_dropout=0.25)
    silent = (x == 0).all(axis=2)
    assert silent.mean() == pytest.approx(0.25, abs=0.06)
    np.testing.assert_array_equal(x[~silent], signals[~silent])


def test_noise_has_the_stated_deviation_in_volts():
    signals, _, x, _ = _augmented(noise=2.0)
    assert (x - signals).std() == pytest.approx(2e-6, rel=0.05)


def test_mixup_mixes_trials_and_labels_alike():
    signals, labels, x, y = _augmented(mixup=0.5)
    for place in range(64):
        share = np.linalg.lstsq(
            np.stack([signals[place].ravel(), signals[63 - place].ravel()], axis=1), x[place].ravel(), rcond=None
        )[0]
        np.testing.assert_allclose(share[0] * labels[place] + share[1] * labels[63 - place], y[place], atol=1e-4)
        assert 0.5 - 1e-4 <= share[0] <= 1.0 + 1e-4
