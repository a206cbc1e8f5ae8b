"""Features before the classifier, nearest training pictures, and the norm of the weights."""

import keras
import numpy as np
import pytest

from apps.cifar10 import data, figures, models
from apps.cifar10.app import APP
from apps.cifar10.config import MLP, Config, DataConfig, ResidualNetwork
from apps.cifar10.features import features, nearest
from apps.cifar10.weight_norm import weight_norm
from harness.labelled_pictures import LabelledPictures
from harness.settings import TrainingConfig

SPEC = {"class_names": ["cat", "dog", "eel"], "size": 8, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3}
SMALL = Config(model=ResidualNetwork(widths=(4, 8)), training=TrainingConfig(batch_size=8))
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return models.build(SMALL, SPEC)


def test_the_classifier_on_the_features_is_the_network(model):
    found = features(model, IMAGES)
    assert found.shape == (40, 8) and found.dtype == np.float32
    logits = found @ model.get_layer("classifier").kernel.numpy() * 0.125
    np.testing.assert_allclose(logits, model(IMAGES.astype(np.float32), training=False), atol=1e-5)


def test_features_of_a_perceptron_are_its_last_hidden_layer():
    network = models.build(Config(model=MLP(layers=2, units=5)), SPEC)
    kernels = [layer.get_weights() for layer in network.layers if isinstance(layer, keras.layers.Dense)][:2]
    values = ((IMAGES - 120.0) / 60.0).reshape(40, -1)
    for kernel, bias in kernels:
        values = np.maximum(values @ kernel + bias, 0)
    np.testing.assert_allclose(features(network, IMAGES), values, rtol=1e-3, atol=1e-4)


def test_nearest_agrees_with_all_distances(model):
    some, among = IMAGES[:5], IMAGES[5:]
    distances = np.linalg.norm(features(model, some)[:, None] - features(model, among)[None], axis=-1)
    np.testing.assert_array_equal(nearest(model, some, among, 3), distances.argsort(axis=1, kind="stable")[:, :3])
    assert nearest(model, some, among[:2], 4).shape == (5, 2)


def test_the_figure_shows_the_wrong_answers_beside_their_twins(model):
    """Every test picture is among the training pictures too: it must be its own nearest neighbour."""
    labels = np.arange(40) % 3
    train = LabelledPictures(IMAGES, labels)
    answers = (labels + (np.arange(40) % 2)) % 3  # every second one wrong
    predictions = {
        "labels": labels, "probabilities": np.eye(3)[answers], "worst": np.arange(30), "worst_images": IMAGES[:30]
    }  # fmt: skip
    [picture] = figures.nearest_pictures(SMALL, model, train, predictions, SPEC["class_names"])
    shown = [axes for axes in picture.figure.axes if axes.images]
    assert len(shown) == figures.ERRORS * (1 + figures.NEIGHBOURS) and "40 training pictures," in picture.caption
    for number, place in enumerate(range(1, 2 * figures.ERRORS, 2)):
        error, twin = shown[5 * number : 5 * number + 2]
        for axes in (error, twin):
            np.testing.assert_array_equal(axes.images[0].get_array(), IMAGES[place])
        names = SPEC["class_names"]
        assert error.get_title() == f"{names[answers[place]]}\nis {names[labels[place]]}"
        assert twin.get_title() == names[labels[place]] and twin.title.get_color() == figures.RIGHT
    predictions["probabilities"] = np.eye(3)[labels]
    assert figures.nearest_pictures(SMALL, model, train, predictions, SPEC["class_names"]) == []


def test_the_norm_is_that_of_all_kernels(model):
    kernels = [v.numpy().ravel() for v in model.trainable_variables if v.path.endswith("kernel")]
    assert weight_norm(model) == pytest.approx(np.linalg.norm(np.concatenate(kernels)), rel=1e-6)


def test_every_epoch_measures_the_norm():
    prepared = data.prepare(Config(data=DataConfig(source="demo", size=8, limit=64, validation_fraction=0.0)))
    [phase] = APP.phases(SMALL, SPEC, prepared)
    keras.utils.set_random_seed(0)
    model = models.build(SMALL, prepared.spec)
    model.compile(keras.optimizers.SGD(0.5), loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    measured, expected = [], []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: (measured.append(logs["weight_norm"]), expected.append(weight_norm(model)))
    )
    batches = data.batches(SMALL, prepared.spec, prepared.splits["train"], True)
    model.fit(batches, steps_per_epoch=2, epochs=3, callbacks=[*phase.callbacks(), look], verbose=0)
    assert measured == expected and len(set(measured)) == 3
