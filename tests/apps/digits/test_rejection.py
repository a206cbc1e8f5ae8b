"""What is no digit gets no class, from `predict` and from the exported endpoints alike."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from scipy.spatial.distance import mahalanobis
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from apps.digits import losses, models, other_pictures, rejection, serve
from apps.digits.config import Config, ConvNet, Linear
from apps.digits.data import prepare
from apps.digits.evaluate import evaluate, predict
from apps.digits.figures import figures
from apps.digits.presets import PRESETS
from apps.digits.tuning import tune
from harness.labelled_pictures import LabelledPictures

NAMES = list("0123456789")
LEAST = float(np.log(9 + np.exp(4.0)))
SPEC = {
    "class_names": NAMES,
    "tuned": {"answers.json": f'{{"temperature": 2.0, "least_score": {LEAST}, "likeness": null}}'},
}


def ink_meter() -> keras.Model:
    """The logit of class 3 is the ink, in tens of full pixels; the others are 0."""
    inputs = keras.Input((28, 28))
    ink = keras.ops.sum(inputs, axis=(1, 2), keepdims=False)[:, None] / 2550
    to_three = keras.layers.Dense(10, use_bias=False, name="logits")
    logits = to_three(ink)
    to_three.set_weights([np.eye(10)[[3]]])
    return keras.Model(inputs, logits)


@pytest.fixture(scope="module")
def endpoints():
    found = serve.endpoints(Config(), SPEC, ink_meter())
    return {e.name: tf.function(e.function, input_signature=list(e.signature)) for e in found}


def bar(pixels: int) -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[:20].flat[np.flatnonzero(np.arange(560) % 28 < 20)[:pixels]] = 255
    return image


def test_scores_are_energies_less_distances_from_the_nearest_class_and_pictures_of_other_ink_have_none():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 600)
    mixing, centres = np.eye(4) + 0.2 * generator.normal(size=(4, 4)), 5 * generator.normal(size=(3, 4))
    training = centres[labels] + generator.normal(size=(600, 4)) @ mixing
    logits = generator.normal(size=(600, 3)).astype(np.float32)
    seen = np.stack([bar(pixels) for pixels in generator.integers(20, 61, 600)]).astype(np.float32)
    known = rejection.likeness(seen, training, logits, labels)
    analysis = LinearDiscriminantAnalysis(store_covariance=True).fit(training, labels)
    inverse = np.linalg.inv(analysis.covariance_)

    def distances(features: np.ndarray) -> np.ndarray:
        return np.min([[mahalanobis(f, mean, inverse) for mean in analysis.means_] for f in features], axis=1)

    energies = scipy.special.logsumexp(logits, axis=1)
    assert known.energy_deviation == pytest.approx(energies.std(), rel=1e-4)
    assert known.distance_deviation == pytest.approx(distances(training).std(), rel=0.01)
    features = 5 * generator.normal(size=(7, 4)).astype(np.float32)
    scattered = np.zeros((28, 28))
    scattered[::4, ::4] = 255  # 49 pixels, as many as a bar of the training, of four times its outline
    images = [bar(50), bar(0), np.full((28, 28), 255), bar(17), bar(68), scattered, bar(50) // 4]
    images = np.stack(images).astype(np.float32)
    scores = rejection.scores(images, features, logits[:7], known)
    expected = energies[0] / energies.std() - distances(features[:1]) / distances(training).std()
    np.testing.assert_allclose(scores[:1], expected, rtol=0.01)
    assert np.isneginf(scores[1:]).all()
    alone = rejection.scores(images[:1], features[:1], logits[:1], None)
    np.testing.assert_allclose(alone, energies[:1], rtol=1e-5)


@pytest.mark.parametrize("views", [True, False])
def test_features_are_the_means_of_the_last_maps_over_all_views(views):
    model = models.build(Config(model=ConvNet(widths=(4, 6), average_shifts=views)), SPEC)
    keras.utils.clear_session()  # new layers are numbered from the start, as after loading a model
    images = np.random.default_rng(0).uniform(0, 255, (5, 28, 28)).astype(np.float32)
    features, logits = rejection.with_features(model)(images)
    kernel, bias = model.get_layer("logits").get_weights()
    assert features.shape == (5, 6)
    np.testing.assert_allclose(logits, model(images), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features @ kernel + bias, logits, rtol=1e-3, atol=1e-4)


def test_a_network_without_feature_maps_is_judged_by_its_logits():
    model = models.build(Config(model=Linear()), SPEC)
    images = np.stack([bar(30), bar(90)]).astype(np.float32)
    features, logits = rejection.with_features(model)(images)
    assert features.shape == (2, 0)
    known = rejection.likeness(images, features.numpy(), logits.numpy(), np.array([0, 1]))
    assert known.means is None and known.energy_deviation > 0


def test_the_pixels_shuffled_are_told_from_the_digits_a_trained_network_knows():
    """LeNet-5 after some passes over the UCI digits: at least nine in ten, at a threshold that few digits miss."""
    config = PRESETS["demo"].config
    prepared = prepare(config)
    keras.utils.set_random_seed(1)
    model = models.build(config, prepared.spec)
    model.compile(keras.optimizers.AdamW(3e-3), losses.loss(config))
    train, test = prepared.splits["train"], prepared.splits["test"]
    model.fit(train.images.astype(np.float32), train.labels, epochs=6, verbose=0)
    spec = {**prepared.spec, "tuned": tune(config, prepared.spec, model, prepared)}
    shuffled = np.random.default_rng(0).permuted(test.images.reshape(len(test), -1), axis=1).reshape(test.images.shape)
    endpoint = next(e for e in serve.endpoints(config, spec, model) if e.name == "images").function
    told, right = (endpoint(tf.constant(images))["digit"].numpy() == b"no digit" for images in (shuffled, test.images))
    assert told.mean() > 0.9 and right.mean() < 0.05


def test_the_endpoint_names_a_class_only_above_the_threshold(endpoints):
    answer = endpoints["images"](tf.constant(np.stack([bar(39), bar(41)])))
    assert answer["digit"].numpy().tolist() == [b"no digit", b"3"]
    odds = np.exp(4.1 / 2.0)
    np.testing.assert_allclose(answer["probabilities"][1, 3], odds / (odds + 9), rtol=1e-5)


def test_blank_pictures_of_any_size_are_no_digit(endpoints):
    blank = [np.full((*size, 1), grey, np.uint8) for size in ((1, 1), (28, 28), (300, 40)) for grey in (0, 128, 255)]
    encoded = tf.constant([tf.io.encode_png(picture).numpy() for picture in blank])
    assert set(endpoints["picture_bytes"](encoded)["digit"].numpy()) == {b"no digit"}
    flat = np.stack([np.full((28, 28), grey, np.uint8) for grey in (0, 255)])
    answers = endpoints["images"](tf.constant(flat))
    assert answers["digit"].numpy().tolist() == [b"no digit"] * 2
    row = serve.answer(Config(), SPEC, None, {name: value.numpy() for name, value in answers.items()}, None)
    assert row["digit"] == "no digit" and row["probability"] is None


@pytest.mark.long
def test_predict_counts_what_the_endpoint_would_say(endpoints):
    generator = np.random.default_rng(0)
    images = np.stack([bar(count) for count in generator.integers(20, 60, 40)])
    split = LabelledPictures(images, np.full(40, 3))
    predictions = predict(Config(), SPEC, ink_meter(), split)
    metrics = evaluate(Config(), SPEC, predictions)
    told = endpoints["images"](tf.constant(images))["digit"].numpy()
    assert metrics["no_digit_false_alarms"].value == np.mean(told == b"no digit")
    assert metrics["no_digit_blank"].value == 1.0
    kinds = set(other_pictures.no_digits())
    assert kinds | {"false_alarms", "uci_digits", "photographed_digits"} == {
        name.removeprefix("no_digit_") for name in metrics if name.startswith("no_digit_")
    }
    assert metrics["accuracy_uci_digits"].value == pytest.approx(183 / 1797)  # it always answers 3
    table = next(s for s in figures(Config(), SPEC, None, None, predictions) if s.title == "No digit")
    assert len(table.rows) == len(kinds) + 3


def test_letters_are_letters_and_scenes_are_many():
    kinds = other_pictures.no_digits()
    letters = np.stack(kinds["letters"])
    assert letters.shape == (5 * len(other_pictures.LETTERS), 96, 96)
    assert (letters.min(axis=(1, 2)) < 60).all() and len(np.unique(letters, axis=0)) > 0.95 * len(letters)
    assert len({picture.shape for picture in kinds["scenes"]}) > 50


def test_ink_and_outline_are_sums_over_the_pixels():
    images = np.random.default_rng(3).uniform(0, 255, (5, 28, 28)).astype(np.float32)
    known = rejection.likeness(images, np.zeros((5, 0)), np.eye(5, 10, dtype=np.float32), np.arange(5))
    ink = images.sum(axis=(1, 2)) / 255
    outline = (
        np.abs(np.diff(images, axis=1)).sum(axis=(1, 2)) + np.abs(np.diff(images, axis=2)).sum(axis=(1, 2))
    ) / 255
    np.testing.assert_allclose(known.ink, [ink.min() / 1.1, ink.max() * 1.1], rtol=1e-5)
    np.testing.assert_allclose(known.outline, [outline.min() / 1.1, outline.max() * 1.1], rtol=1e-5)
