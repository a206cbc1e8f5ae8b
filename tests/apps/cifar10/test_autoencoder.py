"""A perceptron on an autoencoder's code: the networks, their phases, and few labels."""

from dataclasses import replace

import keras
import numpy as np
import pandas
import pytest

from apps.cifar10 import data, models
from apps.cifar10.app import APP, phases
from apps.cifar10.config import AutoencoderClassifier, Config, DataConfig
from apps.cifar10.models.autoencoder import build_autoencoder, build_code_classifier
from apps.cifar10.pretraining import thawed
from datasets.errors import DataError
from harness import devices
from harness.labelled_pictures import LabelledPictures
from harness.settings import TrainingConfig
from harness.training import StopRequest, train_phases

SPEC = {"class_names": ["cat", "dog", "eel"], "size": 16, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3}
SMALL = AutoencoderClassifier(widths=(4, 6), code=8, units=10)
CONFIG = Config(model=SMALL, training=TrainingConfig(batch_size=8))
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
PICTURES = LabelledPictures(IMAGES, np.arange(40) % 3)


@pytest.fixture
def autoencoder():
    keras.utils.set_random_seed(0)
    return build_autoencoder(SMALL, SPEC)


def code_of(model: keras.Model) -> np.ndarray:
    part = keras.Model(model.inputs, model.get_layer("code").output)
    return np.array(part(IMAGES.astype(np.float32), training=False))


def test_the_autoencoder_gives_pictures_of_the_same_size(autoencoder):
    assert autoencoder.output_shape == (None, 16, 16, 3) and autoencoder.get_layer("code").output.shape == (None, 8)
    found = np.array(autoencoder(IMAGES.astype(np.float32)))
    assert 0 <= found.min() and found.max() <= 1
    with pytest.raises(DataError, match=r"--data.size 18: expected a multiple of 4"):
        build_autoencoder(SMALL, {**SPEC, "size": 18})


def test_the_perceptron_learns_on_the_code_as_it_is_and_then_everything_does(autoencoder):
    before = code_of(autoencoder)
    model = build_code_classifier(SMALL, SPEC, autoencoder)
    assert not [v.path for v in model.weights if "decoder" in v.path]
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {"hidden", "classifier"}
    for kept in (True, False):
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
        model.fit(IMAGES.astype(np.float32), np.eye(3)[PICTURES.labels], epochs=1, verbose=0)
        assert np.allclose(code_of(model), before, atol=1e-6) is kept
        thawed(model)
    both = [build_code_classifier(SMALL, SPEC), model]
    assert len({len(one.trainable_variables) for one in both}) == 1


def test_phases_and_what_each_of_them_sees():
    config = replace(CONFIG, data=DataConfig(flip=False, shift=0, labelled=16))
    prepared = data.Prepared({"train": PICTURES, "validation": PICTURES}, SPEC, None)
    autoencoder, frozen, train = phases(config, SPEC, prepared)
    assert [phase.name for phase in (autoencoder, frozen, train)] == ["autoencoder", "frozen", "train"]
    assert [phase.steps_per_pass for phase in (autoencoder, frozen, train)] == [5, 2, 2]
    assert [phase.training.epochs for phase in (autoencoder, frozen, train)] == [8, 3, 10]
    known = {image.tobytes(): label for image, label in zip(IMAGES, PICTURES.labels, strict=True)}
    inputs, targets = seen(autoencoder, 5)
    assert set(inputs) == set(known)
    np.testing.assert_allclose(
        targets, np.frombuffer(b"".join(inputs), np.uint8).reshape(-1, 16, 16, 3) / 255, atol=1e-6
    )
    for phase in (frozen, train):
        inputs, targets = seen(phase, 6)
        assert len(set(inputs)) == 16 and [known[one] for one in inputs] == targets.argmax(1).tolist()
        assert sorted(np.bincount([known[one] for one in set(inputs)])) == [5, 5, 6]
    [only] = phases(replace(config, model=replace(SMALL, pretrained=False)), SPEC, prepared)
    assert only.name == "train" and set(seen(only, 6)[0]) == set(inputs)


def seen(phase, steps: int) -> tuple[list[bytes], np.ndarray]:
    pairs = [pair for pair, _ in zip(phase.batches(PICTURES, True).as_numpy_iterator(), range(steps), strict=False)]
    pictures = np.concatenate([pair[0] for pair in pairs]).astype(np.uint8)
    return [picture.tobytes() for picture in pictures], np.concatenate([pair[1] for pair in pairs])


def test_validation_takes_every_label():
    config = replace(CONFIG, data=DataConfig(labelled=16))
    [*_, train] = phases(config, SPEC, data.Prepared({"train": PICTURES}, SPEC, None))
    assert sum(len(x) for x, _ in train.batches(PICTURES, False)) == 40
    assert data.with_labels(DataConfig(labelled=41), PICTURES) is PICTURES
    with pytest.raises(DataError, match="cannot be split class by class"):
        data.with_labels(DataConfig(labelled=1), PICTURES)


@pytest.mark.long
def test_it_learns_to_reconstruct_and_then_to_classify(tmp_path):
    settings = DataConfig(source="demo", validation_fraction=0.2, limit=1500, labelled=1000)
    model = AutoencoderClassifier(widths=(16, 32), code=256, units=128, dropout=0.0, autoencoder_epochs=8)
    training = TrainingConfig(
        batch_size=40,
        epochs=16,
        learning_rate=1e-3,
        warmup_fraction=0.1,
        monitor="val_accuracy",
        monitor_mode="max",
        keep="last",
    )
    config = Config(settings, model, training)
    prepared = data.prepare(config)
    train_phases(APP, config, prepared, tmp_path, devices.open_strategy("one"), StopRequest())
    read = {name: pandas.read_csv(tmp_path / f"history{name}.csv") for name in ("-autoencoder", "-frozen", "")}
    validation = prepared.splits["validation"].images / 255
    assert read["-autoencoder"]["val_loss"].iloc[-1] < 0.7 * validation.var(axis=0).mean()  # the mean picture's error
    assert (
        read["-frozen"]["loss"].iloc[-1] < 0.8 * read["-frozen"]["loss"].iloc[0]
    )  # textures hardly show in a frozen code
    assert read[""]["accuracy"].iloc[-1] > 0.5  # chance is 0.1
    assert read[""]["val_accuracy"].iloc[-1] > 0.2
    assert models.build(config, prepared.spec).output_shape == (None, 10)
