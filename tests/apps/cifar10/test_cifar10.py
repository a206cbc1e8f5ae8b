"""cifar10: data, model, predictions, endpoints."""

import csv
import io
import math
import struct
import zlib

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from PIL import Image

from apps.cifar10 import data, evaluate, figures, models, serve, tuning, views
from apps.cifar10.app import APP
from apps.cifar10.config import MLP, Config, DataConfig, ResidualNetwork
from apps.cifar10.resizing import from_bytes, to_square
from datasets.errors import DataError
from harness.feature_maps import feature_maps
from harness.labelled_pictures import LabelledPictures
from harness.sections import Picture, Table
from harness.settings import TrainingConfig
from shared_layers.images.rand_augment import rand_augment

SPEC = {"class_names": ["cat", "dog", "eel"], "size": 32, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3}
SMALL = ResidualNetwork(widths=(4, 8))
TRAINING = TrainingConfig(batch_size=8)


def pictures(count: int = 12, size: int = 32) -> LabelledPictures:
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)
    return LabelledPictures(images, np.arange(count) % 3)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return models.build(Config(model=SMALL), SPEC)


def folder(place, counts, size=(40, 30)):
    for number, (name, count) in enumerate(counts.items()):
        (place / name).mkdir(parents=True)
        for index in range(count):
            colour = [0, 0, 0]
            colour[number % 3] = 100 + index
            Image.new("RGB", size, tuple(colour)).save(place / name / f"{index}.png")
    return place


# ---- resizing


def test_a_square_picture_of_the_right_size_is_left_alone():
    image = pictures(1).images[0]
    np.testing.assert_array_equal(to_square(image, 32), image)
    np.testing.assert_array_equal(from_bytes(tf.io.encode_png(image), 32), image)


def test_the_middle_square_is_used_and_averaged():
    picture = np.zeros((64, 100, 3), np.uint8)
    picture[:, :18] = 255  # cut off
    picture[:, 50:] = 200
    square = to_square(picture, 32).numpy()
    assert square[:, :15].max() == 0 and square[:, 17:].min() == 200
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    grey = to_square(np.repeat(checks[..., None], 3, -1).astype(np.uint8), 16).numpy()
    assert 120 <= grey.min() and grey.max() <= 135  # antialiased, not sampled


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (700, 3, 3)])
def test_any_size(shape):
    picture = np.full(shape, 77, np.uint8)
    assert (from_bytes(tf.io.encode_png(picture), 32).numpy() == 77).all()


def test_grey_and_transparent_files():
    grey = np.full((5, 5, 1), 9, np.uint8)
    assert from_bytes(tf.io.encode_png(grey), 32).shape == (32, 32, 3)
    assert from_bytes(tf.io.encode_jpeg(grey), 32).shape == (32, 32, 3)


# ---- data


def test_demo_is_split_by_seed_and_called_synthetic():
    first = data.prepare(Config(data=DataConfig(source="demo", size=16, validation_fraction=0.1)))
    again = data.prepare(Config(data=DataConfig(source="demo", size=16, validation_fraction=0.1)))
    assert {name: len(split) for name, split in first.splits.items()} == {
        "train": 3600,
        "validation": 400,
        "test": 1000,
    }
    assert first.source.synthetic and "synthetic" in first.source.name
    assert np.bincount(first.splits["validation"].labels).tolist() == pytest.approx([40] * 10, abs=2)
    np.testing.assert_array_equal(first.splits["train"].images, again.splits["train"].images)
    pixels = first.splits["train"].images.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(first.spec["mean"], pixels.mean(0))
    np.testing.assert_allclose(first.spec["standard_deviation"], pixels.std(0))
    train = {image.tobytes() for image in first.splits["train"].images}
    assert not train & {image.tobytes() for image in first.splits["validation"].images}


def test_own_folder(tmp_path):
    place = folder(tmp_path / "mine", {"cat": 20, "dog": 30, "eel": 20})
    (place / "cat" / "text.png").write_text("no picture")
    (place / "cat" / "notes.txt").write_text("no picture")
    prepared = data.prepare(Config(data=DataConfig(source=str(place), size=16, validation_fraction=0.1)))
    assert prepared.spec["class_names"] == ["cat", "dog", "eel"] and prepared.spec["size"] == 16
    assert prepared.dropped == {"not a picture file": 1, "unreadable picture": 1}
    assert [len(prepared.splits[name]) for name in ("train", "validation", "test")] == [50, 6, 14]
    for split in prepared.splits.values():
        assert (split.images[:, 8, 8].argmax(-1) == split.labels).all()


@pytest.mark.parametrize(("sides", "expected"), [((64, 48), 48), ((20, 30), 32), ((500, 900), 128), ((61, 61), 64)])
def test_own_pictures_at_their_own_size(tmp_path, sides, expected):
    place = folder(tmp_path / "mine", {"cat": 12, "dog": 12}, size=sides)
    (place / "cat" / "damaged.png").write_bytes(b"")
    content = bytearray(encoded(Image.new("RGB", (1, 1)), "PNG"))
    content[16:24] = struct.pack(">2I", 40_000, 40_000)  # claims 1,600 megapixels
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (place / "dog" / "oversized.png").write_bytes(content)
    prepared = data.prepare(Config(data=DataConfig(source=str(place), size=0, validation_fraction=0.2)))
    assert prepared.dropped == {"unreadable picture": 2}
    assert prepared.spec["size"] == expected and prepared.splits["train"].images.shape[1:] == (expected, expected, 3)
    assert data.prepare(Config(data=DataConfig(source="demo", size=0))).spec["size"] == 32


def test_own_folder_with_its_own_splits(tmp_path):
    for part, count in (("train", 10), ("validation", 2), ("test", 3)):
        folder(tmp_path / part, {"cat": count, "dog": count})
    prepared = data.prepare(Config(data=DataConfig(source=str(tmp_path))))
    assert [len(prepared.splits[name]) for name in ("train", "validation", "test")] == [20, 4, 6]


def test_csv_file(tmp_path):
    place = folder(tmp_path / "mine", {"cat": 20, "dog": 20})
    with (tmp_path / "list.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label"])
        writer.writerows(
            [[path.relative_to(tmp_path), f"a {path.parent.name}"] for path in sorted(place.rglob("*.png"))]
        )
    prepared = data.prepare(Config(data=DataConfig(source=str(tmp_path / "list.csv"), validation_fraction=0.2)))
    assert prepared.spec["class_names"] == ["a cat", "a dog"]


def test_new_pictures_for_a_trained_model(tmp_path):
    config = Config(data=DataConfig(source=str(folder(tmp_path / "new", {"dog": 2, "eel": 3}))))
    prepared = data.prepare(config, SPEC)
    assert list(prepared.splits) == ["test"] and prepared.splits["test"].images.shape == (5, 32, 32, 3)
    assert sorted(prepared.splits["test"].labels) == [1, 1, 2, 2, 2]
    folder(tmp_path / "strange", {"dog": 1, "unicorn": 1})
    with pytest.raises(DataError, match="does not know the class unicorn; it knows cat, dog, eel"):
        data.prepare(Config(data=DataConfig(source=str(tmp_path / "strange"))), SPEC)


def test_data_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        data.prepare(Config(data=DataConfig(source=str(tmp_path / "nowhere"))))
    place = folder(tmp_path / "few", {"cat": 1, "dog": 1})
    with pytest.raises(DataError, match="give every class more pictures"):
        data.prepare(Config(data=DataConfig(source=str(place))))
    for path in place.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of 2 pictures can be read"):
        data.prepare(Config(data=DataConfig(source=str(place))))
    with pytest.raises(DataError, match=r"--data.size 64: CIFAR-10's pictures are 32 pixels wide"):
        data.prepare(Config(data=DataConfig(size=64)))
    with pytest.raises(DataError, match=r"--data.size 4: .* pass 8 or more"):
        data.prepare(Config(data=DataConfig(source="demo", size=4)))
    with pytest.raises(DataError, match=r"--data.shift 32: expected 0 to 31"):
        data.prepare(Config(data=DataConfig(source="demo", shift=32)))
    with pytest.raises(DataError, match=r"--data.rand-augment-magnitude 11: expected 0 to 10"):
        data.prepare(Config(data=DataConfig(source="demo", rand_augment_magnitude=11)))


def test_limit_and_no_validation(tmp_path):
    config = DataConfig(source="demo", size=8, limit=200, validation_fraction=0.1)
    assert len(data.prepare(Config(data=config)).splits["train"]) == 180
    config = DataConfig(source="demo", size=8, validation_fraction=0.0)
    assert len(data.prepare(Config(data=config)).splits["validation"]) == 0


# ---- batches


def batches(training, first_step=0, **settings):
    config = Config(data=DataConfig(**settings), training=TRAINING)
    return data.batches(config, SPEC, pictures(), training, first_step)


def test_evaluation_batches_hold_every_picture_once_in_order():
    (x, y), *rest = batches(False).as_numpy_iterator()
    assert not rest
    np.testing.assert_array_equal(x, pictures().images.astype(np.float32))
    np.testing.assert_array_equal(y.argmax(1), pictures().labels)


def test_a_resumed_stream_goes_on_with_the_same_batches():
    settings = {"cutout": 8, "shift": 2, "flip": True, "rand_augment": 1}
    whole = [x for (x, _), _ in zip(batches(True, **settings).as_numpy_iterator(), range(6), strict=False)]
    later = [x for (x, _), _ in zip(batches(True, 4, **settings).as_numpy_iterator(), range(2), strict=False)]
    np.testing.assert_array_equal(whole[4:], later)
    assert (whole[0] != whole[1]).any()


def test_training_batches_without_variation_are_the_pictures():
    x, y = next(batches(True, flip=False, shift=0).as_numpy_iterator())
    known = {image.astype(np.float32).tobytes(): label for image, label in zip(*vars(pictures()).values(), strict=True)}
    assert [known[picture.tobytes()] for picture in x] == y.argmax(1).tolist()


def test_rand_augment_follows_flip_and_shift_and_leaves_their_draws_and_the_labels_alone():
    (x, y), (z, again) = (next(batches(True, rand_augment=count).as_numpy_iterator()) for count in (0, 1))
    step = tf.random.fold_in(tf.constant([TRAINING.seed, 0]), 2)
    expected = rand_augment(tf.cast(x, tf.uint8), 1, 5.0, tf.constant([120] * 3, tf.uint8), step)
    np.testing.assert_array_equal(z, tf.cast(expected, tf.float32))
    np.testing.assert_array_equal(y, again)
    assert (x != z).any()


def test_mixed_labels_still_add_up_to_one():
    x, y = next(batches(True, mixup=0.5, cutmix=1.0).as_numpy_iterator())
    np.testing.assert_allclose(y.sum(1), 1.0, atol=1e-6)
    assert x.dtype == np.float32 and 0 <= x.min() and x.max() <= 255 and ((y > 0) & (y < 1)).any()


def test_balanced_class_weights():
    split = LabelledPictures(pictures().images, np.array([0] * 8 + [1] * 3 + [2]))
    config = Config(data=DataConfig(class_weight="balanced"), training=TrainingConfig(batch_size=12))
    _, y, weights = next(data.batches(config, SPEC, split, True).as_numpy_iterator())
    for label, count in enumerate([8, 3, 1]):
        np.testing.assert_allclose(weights[y.argmax(1) == label], 12 / (3 * count), rtol=1e-6)


# ---- model


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("basic", 27 * 4 + 2 * 9 * 16 + 36 * 8 + 2 * 9 * 64 + 3 * 8),
        ("bottleneck", 27 * 4 + (4 + 9 + 4) + 36 * 8 + (16 + 36 + 16) + 3 * 8),
    ],
)
def test_number_of_kernel_weights(block, expected):
    model = models.build(Config(model=ResidualNetwork(block=block, widths=(4, 8))), SPEC)
    assert sum(np.prod(v.shape) for v in model.trainable_variables if v.path.endswith("kernel")) == expected
    assert model.output_shape == (None, 3)


def test_first_loss_is_that_of_a_guess():
    keras.utils.set_random_seed(0)
    model = models.build(Config(), {**SPEC, "class_names": list("abcdefghij")})
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(np.arange(12) % 10, model(pictures().images))
    assert float(loss) == pytest.approx(math.log(10), abs=0.3)


def test_normalisation_is_inside_the_model(model):
    part = keras.Model(model.inputs, model.get_layer("normalize").output)
    np.testing.assert_allclose(part(np.full((1, 32, 32, 3), 180.0, np.float32)), 1.0, atol=1e-6)


def test_mixed_precision_keeps_the_logits_in_float32(model):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = models.build(Config(model=SMALL), SPEC)
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(model.get_weights())
    images = pictures().images.astype(np.float32)
    assert mixed.output.dtype == "float32" and mixed.layers[-3].compute_dtype == "bfloat16"
    assert {variable.dtype for variable in mixed.weights} == {"float32"}
    np.testing.assert_allclose(mixed(images), model(images), atol=0.1)


def test_depth_changes_with_the_setting():
    shallow, deep = (models.build(Config(model=ResidualNetwork(widths=(4,), blocks=n)), SPEC) for n in (1, 3))
    assert len(deep.layers) - len(shallow.layers) == 2


def test_learns_and_saves(tmp_path):
    """Pictures whose class is their colour, twenty steps; the loaded model answers as the trained one."""
    config = Config(model=SMALL, training=TRAINING)
    split = LabelledPictures(np.zeros((24, 32, 32, 3), np.uint8), np.arange(24) % 3)
    split.images[np.arange(24), :, :, split.labels] = 200
    phase = APP.phases(config, SPEC, data.Prepared({"train": split}, SPEC, None))[0]
    assert phase.steps_per_pass == 3
    keras.utils.set_random_seed(0)
    model = phase.build(None)
    model.compile(keras.optimizers.SGD(0.3, momentum=0.9), **phase.compile_arguments())
    model.fit(phase.batches(split, True), steps_per_epoch=20, verbose=0)
    answers = evaluate.predict(config, SPEC, model, split)["probabilities"].argmax(1)
    np.testing.assert_array_equal(answers, split.labels)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(model(split.images), again(split.images), atol=1e-6)


# ---- predictions, figures, endpoints


def test_explained_pictures_show_the_answer_and_the_true_class(model):
    names = SPEC["class_names"]
    predictions = evaluate.predict(Config(model=SMALL), SPEC, model, pictures())
    [picture] = figures.explained(model, predictions, names)
    titles = [axes.get_title() for axes in picture.figure.axes if axes.get_title()]
    places = [*predictions["worst"][:8], *predictions["best"][:8]]
    answers = predictions["probabilities"].argmax(1)
    assert titles == [f"{names[answers[place]]}\nis {names[place % 3]}" for place in places]


@pytest.mark.parametrize(
    ("maps", "words"), [(4, ": 4 maps of 30 x 30."), (40, ": the first 32 of 40 maps of 30 x 30.")]
)
def test_the_caption_counts_the_feature_maps_that_are_drawn(maps, words):
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(maps, 3)(inputs))
    [picture] = feature_maps(model, pictures(1).images[0])
    assert picture.caption.endswith(words) and len(picture.figure.axes) == min(maps, 32)


def test_predictions(model):
    config, split = Config(model=SMALL), pictures(40)
    predictions = evaluate.predict(config, SPEC, model, split)
    softmax = keras.layers.Softmax()
    plain = softmax(model(split.images.astype(np.float32)))
    mirrored = softmax(model(split.images[:, :, ::-1].astype(np.float32)))
    np.testing.assert_allclose(predictions["probabilities_one_view"], plain, atol=1e-5)
    np.testing.assert_allclose(predictions["probabilities"], (plain + mirrored) / 2, atol=1e-5)
    true = predictions["probabilities"][np.arange(40), split.labels]
    assert true[predictions["worst"][0]] == true.min() and true[predictions["best"][0]] == true.max()
    np.testing.assert_array_equal(predictions["worst_images"], split.images[predictions["worst"]])
    metrics = evaluate.evaluate(config, SPEC, predictions)
    assert metrics["accuracy"].value == pytest.approx((predictions["probabilities"].argmax(1) == split.labels).mean())
    assert metrics["accuracy_one_view"].value == pytest.approx((np.argmax(plain, 1) == split.labels).mean())
    single = Config(model=ResidualNetwork(widths=(4, 8), average_flips=False))
    predictions = evaluate.predict(single, SPEC, model, split)
    np.testing.assert_array_equal(predictions["probabilities"], predictions["probabilities_one_view"])
    assert "accuracy_one_view" not in evaluate.evaluate(single, SPEC, predictions)


@pytest.fixture(scope="module")
def tuned(model):
    """A network that answers three of four pictures right and is far too sure of itself."""
    split = pictures(400)
    config = Config(model=SMALL)
    answers = views.of_split(config, SPEC, model, split)[0].argmax(1)
    wrong = np.arange(400) % 4 == 0
    split = LabelledPictures(split.images, np.where(wrong, (answers + 1) % 3, answers))
    validation, test = split.subset(np.arange(200)), split.subset(np.arange(200, 400))
    written = tuning.tune(config, SPEC, model, data.Prepared({"train": test, "validation": validation}, SPEC, None))
    return {**SPEC, "tuned": written}, test


def test_the_temperature_calibrates_metrics_and_endpoints_alike(model, tuned):
    spec, test = tuned
    config = Config(model=SMALL)
    predictions = evaluate.predict(config, spec, model, test)
    metrics = evaluate.evaluate(config, spec, predictions)
    before, after = (metrics[f"negative_log_likelihood{end}"].value for end in ("", "_with_temperature"))
    assert after < before - 0.05
    calibrated = predictions["calibrated"]
    np.testing.assert_array_equal(calibrated.argmax(1), predictions["probabilities"].argmax(1))
    expected = scipy.special.softmax(np.log(predictions["probabilities"]) / predictions["temperature"][0], axis=1)
    np.testing.assert_allclose(calibrated, expected, atol=1e-5)
    endpoints = {endpoint.name: endpoint.function for endpoint in serve.endpoints(config, spec, model)}
    outputs = endpoints["images"](tf.constant(test.images))
    np.testing.assert_allclose(outputs["probabilities"], calibrated, atol=1e-5)
    maps = endpoints["heat_map"](tf.constant(test.images))["probabilities"]
    logits = model(test.images.astype(np.float32)).numpy()
    expected = scipy.special.softmax(logits / predictions["temperature"][0], axis=1)
    np.testing.assert_allclose(maps[:, 0, 0], expected, atol=1e-5)


def test_without_validation_there_is_no_temperature(model):
    config, split = Config(model=SMALL), pictures(40)
    nothing = data.Prepared({"train": split, "validation": split.subset(np.arange(0))}, SPEC, None)
    assert tuning.tune(config, SPEC, model, nothing) == {}
    assert "temperature" not in evaluate.evaluate(config, SPEC, evaluate.predict(config, SPEC, model, split))


@pytest.mark.parametrize("damage", ["", "{}", '{"temperature": "x"}', "[1]"])
def test_damaged_tuning_is_named(damage):
    with pytest.raises(DataError, match=r"tuned/answers.json .*remove the folder tuned/ and evaluate again"):
        tuning.tuned_temperature({"tuned": {"answers.json": damage}})


def test_harder_pictures_and_the_average_over_dropout_are_of_one_view():
    config, split = Config(model=MLP(units=16, layers=1, dropout=0.5)), pictures(60)
    keras.utils.set_random_seed(0)
    model = models.build(config, SPEC)
    predictions = evaluate.predict(config, SPEC, model, split)
    plain = predictions["probabilities_one_view"][predictions["subset"]].argmax(1)
    np.testing.assert_array_equal(predictions["perturbed_answers"][:, :, 0], plain[:, None].repeat(6, 1))
    metrics = evaluate.evaluate(config, SPEC, predictions)
    assert metrics["accuracy_single_pass"].value == metrics["accuracy_one_view"].value
    right = predictions["perturbed_answers"][:, :, 1:] == split.labels[predictions["subset"]][:, None, None]
    assert metrics["accuracy_perturbed"].value == pytest.approx(right.mean())
    titles = [section.title for section in figures.figures(config, SPEC, None, None, predictions)]
    assert {"Robustness", "Average over dropout"} <= set(titles)


def test_figures_without_and_with_a_model(model):
    names = ["$x_$", "<b>", "a" * 40]  # as a person's folders may be called
    spec = {**SPEC, "class_names": names}
    predictions = evaluate.predict(Config(model=SMALL), spec, model, pictures())
    few = figures.figures(Config(model=SMALL), spec, None, None, predictions)
    prepared = data.Prepared({"train": pictures(20), "test": pictures()}, spec, None)
    all_of_them = figures.figures(Config(model=SMALL), spec, model, prepared, predictions)
    assert (
        len(all_of_them) == len(few) + 7
    )  # nearest training pictures, Grad-CAM, first filters, two maps, heat maps, costs
    hot = {**spec, "tuned": {tuning.FILE: '{"temperature": 1e6}'}}  # of which nothing is sure
    new_data = figures.figures(
        Config(model=SMALL), hot, model, data.Prepared({"test": pictures()}, spec, None), predictions
    )
    assert len(new_data) == len(few) + 6
    [maps] = [section.figure for section in new_data if section.title == "Class heat maps"]
    np.testing.assert_allclose(maps.axes[1].images[0].get_array(), 1 / 3, atol=1e-3)
    for section in all_of_them:
        assert isinstance(section, Picture | Table)
        if isinstance(section, Picture):
            section.figure.canvas.draw()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("export")
    archive = keras.export.ExportArchive()
    archive.track(model)
    for endpoint in serve.endpoints(Config(model=SMALL), SPEC, model):
        archive.add_endpoint(endpoint.name, endpoint.function, list(endpoint.signature))
    archive.write_out(str(place), verbose=False)
    return tf.saved_model.load(str(place)).signatures


def test_endpoints_agree_with_predict(model, saved):
    split = pictures(8)
    expected = evaluate.predict(Config(model=SMALL), SPEC, model, split)["probabilities"]
    examples = serve.examples(Config(model=SMALL), SPEC, split)
    maps = saved["heat_map"](pictures=tf.constant(examples.pop("heat_map")["pictures"]))
    assert maps["probabilities"].shape[0] == 2 and maps["probabilities"].shape == (*maps["class"].shape, 3)
    np.testing.assert_allclose(
        saved["heat_map"](pictures=tf.constant(split.images))["probabilities"][:, 0, 0],
        views.views(Config(model=SMALL), model, tf.constant(split.images))[0][0],
        atol=1e-5,
    )
    for name, inputs in examples.items():
        outputs = saved[name](**{key: tf.constant(value) for key, value in inputs.items()})
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
        assert [n.decode() for n in outputs["class"].numpy()] == [SPEC["class_names"][i] for i in expected.argmax(1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text renamed .png", "JPEG.*PNG"),
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n broken", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"B", "JPEG.*PNG"),
    ],
)
def test_wrong_bytes_are_refused(saved, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        saved["picture_bytes"](pictures=tf.constant([content]))


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


RED, GREEN = (Image.new("RGB", (50, 40), colour) for colour in ((200, 30, 60), (0, 255, 0)))


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (encoded(RED.convert("CMYK"), "JPEG"), (200, 30, 60)),
        (encoded(RED, "GIF", save_all=True, append_images=[GREEN]), (200, 30, 60)),
        (encoded(RED.convert("L"), "PNG"), (84, 84, 84)),  # 0.299 red + 0.587 green + 0.114 blue
        (encoded(RED.convert("L"), "JPEG"), (84, 84, 84)),
        (encoded(RED.resize((1, 1)), "PNG"), (200, 30, 60)),
    ],
    ids=["CMYK", "first picture of an animation", "grey PNG", "grey JPEG", "one pixel"],
)
def test_every_kind_of_file_is_answered_as_the_picture_in_it(saved, content, colour):
    np.testing.assert_allclose(from_bytes(tf.constant(content), 32), np.full((32, 32, 3), colour), atol=3)
    found = saved["picture_bytes"](pictures=tf.constant([content]))["probabilities"]
    plain = saved["images"](images=tf.constant(np.full((1, 32, 32, 3), colour, np.uint8)))["probabilities"]
    np.testing.assert_allclose(found, plain, atol=0.02)


def test_a_hundred_megapixels_are_answered_and_more_are_refused(saved):
    most = encoded(Image.new("L", (10_000, 10_000), 77), "PNG", compress_level=1)
    more = encoded(Image.new("L", (12_000, 12_000), 77), "GIF")
    found = saved["picture_bytes"](pictures=tf.constant([most]))["probabilities"]
    plain = saved["images"](images=tf.fill([1, 32, 32, 3], tf.constant(77, tf.uint8)))["probabilities"]
    np.testing.assert_allclose(found, plain, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a picture of at most 100 megapixels"):
        saved["picture_bytes"](pictures=tf.constant([more]))


def test_a_header_that_states_too_many_pixels_is_refused_before_anything_is_decoded(saved):
    """Behind the header there is next to nothing, which a decoder would complain of."""
    png, jpeg = (bytearray(encoded(RED, kind)) for kind in ("PNG", "JPEG"))
    png[16:24] = struct.pack(">II", 24_000, 20_000)
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 24_000)
    for content in (png, png[:24], jpeg, jpeg[:-20]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected a picture of at most 100 megapixels"):
            saved["picture_bytes"](pictures=tf.constant([bytes(content)]))


@pytest.mark.parametrize("shape", [(2, 28, 28, 3), (2, 32, 32, 1), (32, 32, 3)])
def test_wrong_shapes_are_refused(saved, shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected.*\[\?,32,32,3\]"):
        saved["images"](images=tf.zeros(shape, tf.uint8))


def test_no_pictures_are_refused(saved):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected images .*received none"):
        saved["images"](images=tf.zeros((0, 32, 32, 3), tf.uint8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected the bytes .*received none"):
        saved["picture_bytes"](pictures=tf.zeros((0,), tf.string))


def test_a_persons_file(saved, tmp_path):
    Image.new("RGBA", (300, 200), (255, 0, 0, 128)).save(tmp_path / "photo.png")
    config = Config(model=SMALL)
    inputs = serve.read(config, SPEC, tmp_path / "photo.png")
    outputs = saved["picture_bytes"](**{name: tf.constant(value) for name, value in inputs.items()})
    row = serve.answer(config, SPEC, tmp_path / "photo.png", {k: v.numpy() for k, v in outputs.items()}, tmp_path)
    assert row["class"] in SPEC["class_names"] and row["top_3"].startswith(row["class"])
    assert row["top_3"].count("%") == 3 and 1 / 3 <= row["probability"] <= 1
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png"):
        serve.read(config, SPEC, tmp_path / "text.png")


@pytest.mark.parametrize("shape", [(1, 31, 64, 3), (0, 32, 32, 3), (1, 1500, 1500, 3), (1, 32, 32, 1)])
def test_pictures_that_no_map_is_made_of_are_refused(saved, shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected pictures uint8 \[n|shape"):
        saved["heat_map"](pictures=tf.zeros(shape, tf.uint8))
