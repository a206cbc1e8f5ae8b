"""The digits' models: sizes by hand, activations and losses by name, and every preset takes steps."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from apps.digits import losses, models
from apps.digits.app import phases
from apps.digits.config import MLP, Config, ConvNet, DataConfig, ElasticDataConfig, LectureCNN, Linear, MaxoutMLP
from apps.digits.data import batches, distort, prepare
from apps.digits.figures import first_filters
from apps.digits.presets import DEFAULT, PRESETS
from harness.optimizers import build_optimizer
from harness.settings import TrainingConfig, from_dict, identity, to_dict

SPEC = {"class_names": [str(number) for number in range(10)]}
PICTURES = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.float32)


def built(model) -> keras.Model:
    keras.utils.set_random_seed(0)
    return models.build(Config(model=model), SPEC)


@pytest.fixture(scope="module")
def demo():
    return prepare(Config(data=DataConfig(source="demo")))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Linear(), 784 * 10 + 10),
        (LectureCNN(), (9 * 64 + 64) + 4 * 64 + (9 * 64 * 128 + 128) + 4 * 128 + (128 * 512 + 512) + (512 * 10 + 10)),
        (MLP(layers=2, units=30), (784 * 30 + 30) + (30 * 30 + 30) + (30 * 10 + 10)),
        (MLP(layers=1, units=30, activation="Maxout"), (784 * 60 + 60) + (30 * 10 + 10)),
        (MLP(layers=1, units=30, activation="APL"), (784 * 30 + 30) + 2 * 2 * 30 + (30 * 10 + 10)),
        (MaxoutMLP(), (784 * 1200 + 1200) + (240 * 1200 + 1200) + (240 * 10 + 10)),
        (
            MaxoutMLP(layers=1, units=4, pieces=3, batch_normalization=True),
            (784 * 12 + 12) + 4 * 12 + (4 * 10 + 10),
        ),
        (ConvNet(widths=(4, 6), convolutions=1), 9 * 4 + 4 * 4 + 9 * 4 * 6 + 4 * 6 + 6 * 10 + 10),
    ],
)
def test_sizes_by_hand(model, expected):
    network = built(model)
    assert network.count_params() == expected
    assert network(PICTURES).shape == (4, 10)


def test_the_lecture_network_has_the_layers_of_the_catalogue():
    kinds = [type(layer).__name__ for layer in built(LectureCNN()).layers]
    assert kinds[3:] == [
        *("Conv2D", "MaxPooling2D", "BatchNormalization", "Conv2D", "GlobalAveragePooling2D", "BatchNormalization"),
        *("Dense", "Dense"),
    ]


def test_pooling_comes_after_the_convolution_that_was_asked_for():
    """Each convolution as a layer keeps the side of what it is given unless it pools."""
    sides = {
        after: [
            layer.output.shape[1]
            for layer in built(ConvNet(widths=(4, 6), convolutions=3, pool_after=after)).layers
            if layer.name.startswith("group")
        ]
        for after in (1, 3)
    }
    assert sides == {1: [14, 14, 14, 7, 7, 7], 3: [28, 28, 14, 14, 14, 7]}


def test_the_small_network_is_small():
    assert models.build(PRESETS["convnet-small-mnist"].config, SPEC).count_params() < 10_000


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("tanh", np.tanh),
        ("softplus", lambda x: np.logaddexp(0, x)),
        ("sigmoid", scipy.special.expit),
        ("VReLU", lambda x: np.where(x < 0, x / 3, x)),
        ("RReLU", lambda x: np.where(x < 0, 0.3 * x, x)),
        ("Absolute", np.abs),
        ("NoisyReLU", lambda x: np.maximum(x, 0)),
        ("CentredSoftplus", lambda x: np.logaddexp(0, x) - np.log(2)),
        ("Maxout", lambda x: x.reshape(len(x), -1, 2).max(axis=-1)),
    ],
)
def test_an_mlp_computes_what_its_weights_and_activation_say(name, function):
    network = built(MLP(layers=2, units=6, activation=name, initializer="he_normal"))
    (w1, b1, w2, b2, w3, b3) = (np.asarray(v, np.float64) for v in network.get_weights())
    hidden = function(function(PICTURES.reshape(4, -1) / 255.0 @ w1 + b1) @ w2 + b2)
    np.testing.assert_allclose(network(PICTURES), hidden @ w3 + b3, rtol=1e-3, atol=1e-3)


def test_the_initialiser_is_the_one_that_was_asked_for():
    weights = built(MLP(layers=1, units=300, initializer="NaiveGaussian", stddev=0.2)).get_weights()[0]
    assert weights.std() == pytest.approx(0.2, rel=0.02)
    weights = built(MLP(layers=1, units=300, initializer="he_uniform")).get_weights()[0]
    assert np.abs(weights).max() == pytest.approx(np.sqrt(6 / 784), rel=0.01)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MLP(activation="rleu"), r"--model.activation rleu: .* Maxout, APL"),
        (MLP(initializer="glorot"), r"--model.initializer glorot: .* NaiveGaussian"),
        (ConvNet(widths=(8,) * 5), r"--model.widths: expected 1 to 4"),
        (ConvNet(pool_after=3), r"--model.pool-after: expected 1 to 2.*received 3"),
    ],
)
def test_a_setting_nobody_knows_is_named(model, message):
    with pytest.raises(ValueError, match=message):
        built(model)


def test_squared_error_by_hand():
    logits = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], np.float32)
    share = scipy.special.softmax(logits, axis=1)
    expected = ((share - np.eye(3)[[1, 0]]) ** 2).mean(axis=1)
    np.testing.assert_allclose(losses.squared_error(np.array([1, 0]), logits), expected, rtol=1e-5)


def test_the_loss_follows_the_settings():
    logits, labels = np.array([[2.0, 0.0]], np.float32), np.array([0])
    logs = scipy.special.log_softmax(logits)[0]
    cross_entropy = losses.loss(Config(model=MLP()))
    assert float(cross_entropy(labels, logits)) == pytest.approx(-logs[0], rel=1e-5)
    smoothed = losses.loss(Config(model=ConvNet(label_smoothing=0.2)))
    assert float(smoothed(labels, logits)) == pytest.approx(-0.9 * logs[0] - 0.1 * logs[1], rel=1e-5)
    assert losses.loss(Config(model=MLP(loss="mean_squared_error"))) is losses.squared_error


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (MaxoutMLP(noise=-1.0), "--model.noise -1.0: expected 0 to 1"),
        (MaxoutMLP(noise=1.5), "--model.noise 1.5: expected 0 to 1"),
        (MaxoutMLP(pieces=0), "--model.pieces 0: expected"),
        (MaxoutMLP(units=-1), "--model.units -1 "),
    ],
)
def test_a_maxout_network_that_cannot_be_is_refused_by_its_flag(model, said):
    with pytest.raises(ValueError, match=said):
        built(model)


def test_only_training_adds_noise_to_the_maxout_network():
    network = built(MaxoutMLP(layers=1, units=4, dropout=0.0, input_dropout=0.0, noise=0.3))
    np.testing.assert_array_equal(network(PICTURES), network(PICTURES))
    assert np.abs(network(PICTURES, training=True) - network(PICTURES, training=True)).max() > 1e-4


def test_training_keeps_the_maxout_weights_within_their_norm(demo):
    network = built(MaxoutMLP(layers=1, units=4, pieces=3, max_norm=0.3))
    network.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train = demo.splits["train"]
    network.fit(train.images[:256].astype(np.float32), train.labels[:256], epochs=3, verbose=0)
    norms = [np.linalg.norm(layer.kernel.numpy(), axis=0) for layer in network.layers if hasattr(layer, "kernel")]
    assert all(norm.max() <= 0.3 + 1e-5 for norm in norms) and max(norm.max() for norm in norms) > 0.29


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_takes_steps_that_lower_its_loss(name, demo):
    """On one batch of the UCI digits, at a fifth of its learning rate and without its warm-up."""
    preset = PRESETS[name].config
    rate = preset.training.learning_rate / 5
    training = dataclasses.replace(
        preset.training, batch_size=32, learning_rate=rate, schedule="constant", warmup_fraction=0.0
    )
    config = dataclasses.replace(preset, data=dataclasses.replace(preset.data, source="demo"), training=training)
    few = dataclasses.replace(demo, splits={**demo.splits, "train": demo.splits["train"].subset(np.arange(32))})
    [phase] = phases(config, few.spec, few)
    keras.utils.set_random_seed(0)
    model = phase.build(None)
    model.compile(optimizer=build_optimizer(training, 100), run_eagerly=True, **phase.compile_arguments())
    pictures, labels = next(iter(phase.batches(few.splits["train"], True)))
    steps = [model.train_on_batch(pictures, labels)[0] for _ in range(6)]
    assert np.isfinite(steps).all() and steps[-1] < steps[0]
    drawn = list(first_filters(model))
    assert drawn and all(picture.figure.axes for picture in drawn)


def test_kept_results_keep_their_names():
    """The names of run folders, as the kept results of results/digits give them."""
    assert DEFAULT == "lenet5-mnist"
    assert identity(PRESETS["lenet5-mnist"].config) == "9de9ccec"
    assert identity(PRESETS["lenet5-paper-mnist"].config) == "072ac974"


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_settings_survive_their_file(name):
    config = PRESETS[name].config
    assert from_dict(Config, to_dict(config)) == config


def test_elastic_pictures_differ_from_those_that_are_only_shifted_and_only_in_training(demo):
    images = tf.constant(demo.splits["train"].images[:8], tf.float32)
    seed = tf.constant([1, 2])
    plain = distort(images, seed, DataConfig(shift=2))
    bent = distort(images, seed, ElasticDataConfig(shift=2, elastic=1.5))
    straight = distort(images, seed, ElasticDataConfig(shift=2, elastic=0.0))
    np.testing.assert_array_equal(plain, straight)
    assert np.abs(plain - bent).mean() > 1
    config = Config(data=ElasticDataConfig(source="demo", shift=2, elastic=1.5))
    unchanged, _ = next(iter(batches(config, demo.spec, demo.splits["test"], False)))
    np.testing.assert_array_equal(unchanged[:5], demo.splits["test"].images[:5])


@pytest.mark.parametrize("kind", [DataConfig, ElasticDataConfig])
def test_pictures_varied_on_the_device_train_as_those_varied_in_the_pipeline(demo, kind):
    """The same weights after two steps; the third step would differ if the seeds of the steps did."""
    weights = {}
    for place in ("pipeline", "device"):
        data = kind(source="demo", shift=2, rotation=10, scale=0.1, plain_share=0.2, augment_on=place)
        config = Config(data=data, model=Linear(), training=TrainingConfig(batch_size=64, optimizer="sgd"))
        [phase] = phases(config, demo.spec, demo)
        keras.utils.set_random_seed(3)
        model = phase.build(None)
        model.compile(optimizer=build_optimizer(config.training, 10), **phase.compile_arguments())
        model.fit(phase.batches(demo.splits["train"], True), steps_per_epoch=3, verbose=0, shuffle=False)
        weights[place] = model.get_weights()[0]
    assert np.abs(weights["device"]).max() > 0
    np.testing.assert_allclose(weights["device"], weights["pipeline"], atol=1e-6)


@pytest.mark.parametrize(("layers", "units"), [(-1, 20), (2, 0)])
def test_layers_without_units_are_refused(layers, units):
    with pytest.raises(ValueError, match=r"--model\.layers .* --model\.units .*: expected"):
        built(MLP(layers=layers, units=units))
