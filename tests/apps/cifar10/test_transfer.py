"""Frozen networks with new classifiers, and what they are worth with few pictures."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from apps.cifar10 import data, models, transfer
from apps.cifar10.app import APP
from apps.cifar10.config import Config, DataConfig, ResidualNetwork, Transfer
from apps.cifar10.cost import layer_costs
from apps.cifar10.features import features
from apps.cifar10.presets import DEFAULT, PRESETS
from datasets.errors import DataError
from datasets.fetch import data_folder
from harness import commands, devices, runs
from harness.command_line import parse
from harness.labelled_pictures import LabelledPictures
from harness.statistics import wilson

SPEC = {"class_names": ["cat", "dog", "eel"], "size": 8, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3}
OTHER = {"class_names": ["fly", "gnu"], "size": 8, "mean": [10.0] * 3, "standard_deviation": [20.0] * 3}
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
PUBLISHED = data_folder() / "imagenet-weights" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = models.build(Config(model=ResidualNetwork(widths=(4, 8))), SPEC)
    model.save(tmp_path_factory.mktemp("run") / "model.keras")
    return model, tmp_path_factory.getbasetemp() / "run0"


# ---- a trained network with a new classifier


def test_only_the_classifier_learns_and_the_features_stay(trained):
    """The pixels are normalised as the old network was trained, not by the new pictures' mean and deviation."""
    old, folder = trained
    new = models.build(Config(model=Transfer(network=str(folder))), OTHER)
    assert [v.path for v in new.trainable_variables] == ["classifier/kernel", "classifier/bias"]
    assert new.output_shape == (None, 2)
    before = features(old, IMAGES)
    new.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(from_logits=True))
    kernel = np.array(new.get_layer("classifier").kernel)
    new.fit(IMAGES.astype(np.float32), np.eye(2)[np.arange(40) % 2], epochs=2, verbose=0)
    np.testing.assert_allclose(features(new, IMAGES), before, atol=1e-6)
    assert (np.array(new.get_layer("classifier").kernel) != kernel).any()


def test_it_loads_again_and_everything_learns_where_asked_for(trained, tmp_path):
    config = Config(model=Transfer(network=str(trained[1] / "model.keras"), frozen=False))
    new = models.build(config, OTHER)
    assert len(new.trainable_variables) == len(trained[0].trainable_variables) + 1  # a classifier with bias
    new.save(tmp_path / "new.keras")
    again = keras.models.load_model(tmp_path / "new.keras", safe_mode=True)
    np.testing.assert_allclose(again(IMAGES.astype(np.float32)), new(IMAGES.astype(np.float32)), atol=1e-6)
    assert sum(row.parameters for row in layer_costs(new)) == new.count_params()


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        ("nowhere", 8, r"--model.network nowhere: no model.keras there; pass the folder of a trained run"),
        ("run", 16, r"for pictures \[8, 8, 3\], these are \[16, 16, 3\]; pass --data.size 8"),
        ("strange.keras", 8, r"not a network of the cifar10 app"),
    ],
)
def test_networks_that_cannot_be_built_on(trained, tmp_path, network, size, message):
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]).save(tmp_path / "strange.keras")
    place = {"run": trained[1], "strange.keras": tmp_path / network}.get(network, network)
    with pytest.raises(DataError, match=message):
        models.build(Config(model=Transfer(network=str(place))), {**OTHER, "size": size})


@pytest.mark.long
@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"{PUBLISHED} is not there")
def test_mobilenet_is_keras_own_on_enlarged_pictures():
    model = models.build(Config(model=Transfer(encoder_size=64)), {**OTHER, "size": 32})
    assert [v.path for v in model.trainable_variables] == ["classifier/kernel", "classifier/bias"]
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    base = keras.applications.MobileNetV2((64, 64, 3), 0.35, include_top=False, weights=str(PUBLISHED), pooling="avg")
    large = keras.ops.image.resize(images.astype(np.float32), (64, 64), interpolation="bicubic", antialias=True)
    expected = base(keras.applications.mobilenet_v2.preprocess_input(np.array(large)), training=False)
    np.testing.assert_allclose(features(model, images), expected, rtol=1e-3, atol=1e-3)
    rows = layer_costs(model)
    assert sum(row.parameters for row in rows) == model.count_params()
    assert [row.state.channels for row in rows if row.name in ("Conv_1", "pool", "classifier")] == [1280, 1280, 2]
    assert next(row.state.height for row in rows if row.name == "Conv_1") == 2


@pytest.mark.parametrize(
    "network",
    [
        "a network of this app",
        pytest.param(
            "MobileNetV2",
            marks=[pytest.mark.long, pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"{PUBLISHED} is not there")],
        ),
    ],
)
def test_the_preset_learns_from_a_hundred_and_twenty_pictures_of_a_persons_own(tmp_path, monkeypatch, network):
    """Pictures of two colours, 44 x 40, at their own size: one command each trains and evaluates."""
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(devices, "matmul_gflops", lambda: 100.0)
    generator = np.random.default_rng(0)
    for name, colour in (("grass", (60, 150, 60)), ("sky", (90, 120, 220))):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(60):
            noisy = np.array(colour) + generator.normal(0, 20, (40, 44, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(tmp_path / "mine" / name / f"{number}.png")
    flags = ["--preset", "transfer-cifar10", "--data", str(tmp_path / "mine"), "--training.epochs", "1"]
    if network != "MobileNetV2":
        keras.utils.set_random_seed(0)
        models.build(Config(model=ResidualNetwork(widths=(8, 16))), {**SPEC, "size": 40}).save(tmp_path / "old.keras")
        flags += ["--model.network", str(tmp_path / "old.keras")]
    for verb in ("train", "evaluate"):
        assert commands.main("cifar10", Config, PRESETS, DEFAULT, lambda: APP, [verb, *flags]) == 0
    [run] = (tmp_path / "runs" / "cifar10").glob("transfer-cifar10-*/seed-1")
    assert runs.read_json(run / "spec.json")["size"] == 40
    assert runs.read_json(run / "metrics.json")["metrics"]["accuracy"]["value"] > 0.75  # chance is 0.5


# ---- classes


def test_chosen_classes_are_numbered_in_their_order():
    everything = data.prepare(Config(data=DataConfig(source="demo", size=8))).splits["test"]
    names = list(data.shapes.CLASS_NAMES)
    chosen = (names[7], names[2], names[4])
    prepared = data.prepare(Config(data=DataConfig(source="demo", size=8, classes=chosen)))
    assert prepared.spec["class_names"] == list(chosen)
    test = prepared.splits["test"]
    for number, name in enumerate(chosen):
        expected = everything.images[everything.labels == names.index(name)]
        np.testing.assert_array_equal(test.images[test.labels == number], expected)
    assert len(test) == np.isin(everything.labels, [7, 2, 4]).sum()


@pytest.mark.parametrize(
    ("classes", "message"), [(("unicorn", "x"), "unicorn x: there are"), (("a", "a"), "each once")]
)
def test_classes_that_there_are_not(classes, message):
    with pytest.raises(DataError, match=message):
        data.of_classes(classes, {}, ("a", "b"))


def test_classes_of_a_folder_are_its_folders(tmp_path):
    with pytest.raises(DataError, match="leave the folders of the other classes out"):
        (tmp_path / "cat").mkdir()
        data.prepare(Config(data=DataConfig(source=str(tmp_path), classes=("cat", "dog"))))


# ---- few pictures


def test_few_holds_as_many_of_every_class_and_the_fewer_are_among_the_more():
    split = LabelledPictures(np.arange(90), np.arange(90) % 3)
    two, ten = (transfer.few(split, count, 1) for count in (2, 10))
    assert np.bincount(two.labels).tolist() == [2, 2, 2] and np.bincount(ten.labels).tolist() == [10, 10, 10]
    assert set(two.images) < set(ten.images) and (ten.images % 3 == ten.labels).all()
    assert set(transfer.few(ten, 2, 5).images) < set(ten.images)
    with pytest.raises(DataError, match="--examples 31: a class has 30 training pictures"):
        transfer.few(split, 31, 1)


def blobs(count: int, seed: int) -> LabelledPictures:
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    points = generator.normal(0, 1.5, (count, 5)) + 2 * np.eye(3, 5)[labels]
    return LabelledPictures((points * [1, 10, 1, 1, 1] + 4).astype(np.float32), labels)


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_logistic_regression_is_scikit_learns(penalty):
    train, test = blobs(90, 0), blobs(300, 1)
    model = transfer.logistic_regression(train.images, train.labels, 3, penalty)
    scaler = StandardScaler().fit(train.images)
    reference = LogisticRegression(C=1 / (2 * penalty * 90), max_iter=1000)
    reference.fit(scaler.transform(train.images), train.labels)
    found = np.array(keras.ops.softmax(model(test.images)))
    np.testing.assert_allclose(found, reference.predict_proba(scaler.transform(test.images)), atol=0.02)
    assert (found.argmax(1) == test.labels).mean() > 0.6


def test_a_cell_is_measured_once(tmp_path):
    study = transfer.Study(output=tmp_path)
    cell = transfer.Cell("imagenet", 10, np.array([True, False, True]), 0.5, "penalty 0.1")
    found = transfer.kept(study, "imagenet", 10, lambda: cell)
    again = transfer.kept(replace(study, imagenet=False), "imagenet", 10, lambda: pytest.fail("measured again"))
    for one in (found, again):
        np.testing.assert_array_equal(one.right, cell.right)
        assert (one.network, one.examples, one.validation, one.chosen) == ("imagenet", 10, 0.5, "penalty 0.1")
    other = transfer.kept(replace(study, seed=2), "imagenet", 10, lambda: replace(cell, validation=0.9))
    assert other.validation == 0.9


def cells() -> list[transfer.Cell]:
    right = np.arange(200) % 4 > 0
    return [
        transfer.Cell("imagenet", 10, np.arange(200) >= 10, 0.9, "penalty 0.1"),
        transfer.Cell("scratch", 10, right, 0.5, "learning rate 0.001"),
    ]


def test_the_page_and_the_readme_hold_every_cell_with_its_gain(tmp_path):
    study = transfer.Study(output=tmp_path)
    scratch, imagenet = transfer.rows(cells())
    low, high = wilson(150, 200)
    assert scratch[:5] == ["10", "from scratch", "75.00%", f"{low:.2%} – {high:.2%}", ""]
    assert imagenet[2] == "95.00%" and imagenet[4] == "+20.0 points"
    below, above = (float(bound) for bound in imagenet[5].split(" – "))
    assert 20 - 8 < below < 17 and 23 < above < 20 + 8  # the standard error is 3.5 points
    text = transfer.page(study, cells()).read_text()
    assert "95.00%" in text and not re.search(r"https?://(?!www\.w3\.org)", re.sub(r"base64,[^\"]*", "", text))
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- transfer:begin -->\nold\n<!-- transfer:end -->\nafter\n")
    transfer.write_readme(study, cells(), readme)
    assert "old" not in readme.read_text() and readme.read_text().count("+20.0 points") == 1
    text = transfer.README.read_text("utf-8")
    assert text.count("<!-- transfer:begin -->") == text.count("<!-- transfer:end -->") == 1


@pytest.mark.parametrize(
    ("changed", "written"),
    [({}, 1), ({"examples": (10,)}, 0), ({"imagenet": False}, 0), ({"limit": 1000}, 0), ({"data": "demo"}, 0)],
)
def test_only_the_study_as_it_is_by_default_writes_the_readme(tmp_path, monkeypatch, changed, written):
    calls = []
    monkeypatch.setattr(transfer, "run", lambda study: cells())
    monkeypatch.setattr(transfer, "write_readme", lambda *given: calls.append(given))
    transfer.measure(transfer.Study(output=tmp_path, **changed))
    assert len(calls) == written


def test_a_gpu_is_shared_with_the_training_on_the_other_classes(monkeypatch):
    grows = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *given: grows.append(given))
    with pytest.raises(DataError, match="unicorn"):
        transfer.run(transfer.Study(classes=("unicorn", "cat"), data="demo"))
    assert grows == [("GPU:0", True)]


def test_all_classes_leave_none_to_learn_from():
    with pytest.raises(DataError, match="leave two classes or more"):
        transfer.source_run(transfer.Study(classes=transfer.CLASS_NAMES))


@pytest.mark.parametrize("limit", [None, 1000])
def test_the_run_is_looked_for_where_its_command_puts_it(monkeypatch, limit):
    commands = []
    monkeypatch.setattr(transfer.studies, "run_command", lambda app, words: commands.append((app, words)) or 0)
    folder = transfer.source_run(transfer.Study(widths=(8, 16), seed=3, limit=limit))
    [(app, words)] = commands
    arguments = parse("cifar10", Config, PRESETS, DEFAULT, words)
    assert (app, arguments.verb) == ("cifar10", "train")
    assert arguments.config.data.classes == ("airplane", "deer", "dog", "frog", "truck")
    assert runs.seed_folder("cifar10", arguments.preset, arguments.config) == folder
    monkeypatch.setattr(transfer.studies, "run_command", lambda app, words: 1)
    with pytest.raises(DataError, match="could not be trained on airplane, deer"):
        transfer.source_run(transfer.Study())


@pytest.mark.long
def test_frozen_features_beat_a_short_training_from_scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    for module, name, value in (
        (runs, "RUNS", tmp_path / "runs"), (transfer, "PENALTIES", (1e-2,)), (transfer, "LEARNING_RATES", (4e-3,)),
        (transfer, "HEAD_STEPS", 100),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    classes = tuple(data.shapes.CLASS_NAMES[::2])
    study = transfer.Study(
        classes, (20,), (8, 16), epochs=20, scratch_steps=5, data="demo", limit=1000, imagenet=False, output=tmp_path
    )
    scratch, frozen = transfer.run(study)
    assert (scratch.network, frozen.network) == ("scratch", "other_classes")
    assert frozen.accuracy > max(0.3, scratch.accuracy + 0.05)  # chance is 0.2
    [run] = (tmp_path / "runs" / "cifar10").glob("residual-cifar10-*/seed-1")
    assert not set(runs.read_json(run / "spec.json")["class_names"]) & set(classes)
    monkeypatch.setattr(transfer, "features_of", lambda *given: pytest.fail("computed again"))
    assert [cell.right.tolist() for cell in transfer.run(study)] == [scratch.right.tolist(), frozen.right.tolist()]
