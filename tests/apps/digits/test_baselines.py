"""The classical classifiers beside the networks."""

import dataclasses

import numpy as np
import pytest
import scipy.spatial.distance

from apps.digits import baselines as classical
from apps.digits.config import Config, DataConfig, Linear
from apps.digits.data import prepare
from apps.digits.evaluate import evaluate
from harness.app import Prepared
from harness.labelled_pictures import LabelledPictures

CONFIG = Config(data=DataConfig(source="demo"))


@pytest.fixture(scope="module")
def prepared():
    return prepare(CONFIG)


@pytest.fixture(scope="module")
def answers(prepared):
    return classical.baselines(CONFIG, prepared)


def test_each_reads_the_test_digits(prepared, answers):
    errors = {
        name: evaluate(CONFIG, prepared.spec, predictions)["error_rate"].value for name, predictions in answers.items()
    }
    assert set(errors) == {"linear_classifier", "k_nearest_neighbours", "rbf_svm"}
    assert max(errors.values()) < 0.1 and errors["rbf_svm"] < 0.04
    for predictions in answers.values():
        np.testing.assert_allclose(predictions["probabilities"].sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(predictions["labels"], prepared.splits["test"].labels)


def test_the_neighbours_are_the_nearest_of_all_training_pictures(prepared, answers):
    train, test = prepared.splits["train"], prepared.splits["test"]
    flat = [split.images.reshape(len(split), -1) / 255.0 for split in (train, test)]
    nearest = np.argsort(scipy.spatial.distance.cdist(flat[1], flat[0]), axis=1)[:, :3]
    votes = np.stack([np.bincount(row, minlength=10) for row in train.labels[nearest]]) / 3
    agreeing = (np.abs(answers["k_nearest_neighbours"]["probabilities"] - votes) < 1e-6).all(axis=1)
    assert agreeing.mean() > 0.99  # ties in distance may fall otherwise


def test_large_data_sets_keep_them_for_their_own_row(prepared, monkeypatch):
    monkeypatch.setattr(classical, "SUBSET", 200)
    assert classical.baselines(CONFIG, prepared) == {}
    own = classical.baselines(dataclasses.replace(CONFIG, model=Linear()), prepared)
    assert set(own) == {"linear_classifier", "k_nearest_neighbours", "rbf_svm"}


def test_without_training_pictures_there_are_none(prepared):
    assert (
        classical.baselines(CONFIG, Prepared({"test": prepared.splits["test"]}, prepared.spec, prepared.source)) == {}
    )


def test_a_class_that_is_absent_in_training_gets_no_probability():
    images = np.zeros((40, 28, 28), np.uint8)
    images[:20, :14], images[20:, 14:] = 255, 255
    labels = np.repeat([0, 2], 20)
    split = LabelledPictures(images, labels)
    prepared = Prepared({"train": split, "test": split}, {"class_names": ["a", "b", "c"]}, None)
    linear = classical.baselines(CONFIG, prepared)["linear_classifier"]["probabilities"]
    assert (linear[:, 1] == 0).all() and (linear.argmax(axis=1) == labels).all()
