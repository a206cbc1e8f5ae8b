"""What the exported graph answers, against the model and the cached features."""

import dataclasses
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from apps.captioning import data, evaluate, features, figures, models, serve
from apps.captioning.config import Config, ConvNetAttention, DataConfig, MobileNetAttention
from apps.captioning.vocabulary import END, SPECIAL, START
from harness.app import Source
from harness.sections import Picture, Table

WORDS = [*SPECIAL, "a", "red", "blue", "circle", "ünder", "square"]
SETTINGS = Config(
    data=DataConfig(source="demo", least_count=1, longest_caption=8),
    model=ConvNetAttention(units=16, embedding_width=12, attention_units=8, widths=(4, 8), picture_size=32),
)
SPEC = {"vocabulary": WORDS, "words_per_caption": 6.0}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    built = models.build(SETTINGS, SPEC)
    for weight in built.decoder.trainable_weights:
        weight.assign(3 * weight)
    return built


@pytest.fixture(scope="module")
def served(model):
    (endpoint,) = serve.endpoints(SETTINGS, SPEC, model)
    return tf.function(endpoint.function, input_signature=endpoint.signature)


def encoded(picture, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(1)
    sizes = ((32, 32), (50, 20), (7, 90))
    return [np.kron(random.integers(0, 256, (*size, 3)), np.ones((2, 2, 1))).astype(np.uint8) for size in sizes]


def test_log_probability_is_that_of_the_caption_under_teacher_forcing(model, served, pictures):
    answers = served(tf.constant([encoded(picture) for picture in pictures]))
    never = np.where(np.isin(np.arange(len(WORDS)), [0, START, 3]), -1e9, 0.0)
    for name, logarithm in (("caption", answers["log_probability"]),):
        for picture, text, found in zip(pictures, answers[name].numpy(), logarithm.numpy(), strict=True):
            numbers = [WORDS.index(word) for word in text.decode().split()]
            targets = [*numbers, END] if len(numbers) < 9 else numbers
            features_of_one = model.features(features.resize(picture[None], 32))
            logits = model({"features": features_of_one, "words": np.array([[START, *targets[:-1]]], np.int32)})
            logs = tf.nn.log_softmax(logits[0]).numpy() + never
            assert found == pytest.approx(sum(logs[i, word] for i, word in enumerate(targets)), abs=1e-3)


def test_beam_is_at_least_as_likely_as_greedy_without_length_power(model, pictures):
    settings = dataclasses.replace(SETTINGS, decoding=dataclasses.replace(SETTINGS.decoding, length_power=0.0))
    seen = model.features(tf.stack([features.resize(picture, 32) for picture in pictures]))
    beam = evaluate.generate(settings, model, seen, 5)
    greedy = evaluate.generate(settings, model, seen, 1)
    ended = np.any(greedy.words.numpy() == END, axis=1)
    assert np.all((beam.log_probability >= greedy.log_probability - 1e-4) | ~ended)


def test_one_picture_or_many_in_any_order_give_the_same_answers(served, pictures):
    many = served(tf.constant([encoded(picture) for picture in pictures]))
    for number, picture in enumerate(pictures):
        one = served(tf.constant([encoded(picture)]))
        assert one["caption"][0] == many["caption"][number]
        np.testing.assert_allclose(one["log_probability"][0], many["log_probability"][number], atol=1e-4)


def test_grey_transparent_and_jpeg_pictures_are_answered(served):
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (20, 30), np.uint8)
    transparent = random.integers(0, 256, (20, 30, 4), np.uint8)
    answers = served(tf.constant([encoded(grey), encoded(transparent), encoded(grey, "JPEG"), encoded(grey, "GIF")]))
    assert answers["caption"].shape == (4,) and answers["attention"].shape == (4, 9, 64)
    attention, words = answers["attention"].numpy(), [len(t.split()) for t in answers["caption"].numpy()]
    np.testing.assert_allclose(attention[0, : words[0]].sum(-1), 1, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"plain text", b"\x89PNG\r\n\x1a\n broken", b"GIF89a"])
def test_what_is_no_picture_is_an_invalid_argument(served, content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        served(tf.constant([content]))


def test_no_pictures_at_all_are_an_invalid_argument(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one PNG"):
        served(tf.constant([], tf.string))


def test_read_and_answer(tmp_path, served, pictures):
    path = tmp_path / "mine.png"
    path.write_bytes(encoded(pictures[1]))
    outputs = {name: value.numpy() for name, value in served(**serve.read(SETTINGS, SPEC, path)).items()}
    row = serve.answer(SETTINGS, SPEC, path, outputs, tmp_path)
    assert row["caption"] == outputs["caption"][0].decode() and row["log_probability"] <= 0


def test_cached_features_are_those_of_the_exported_graph(tmp_path, monkeypatch):
    """MobileNetV2 with random weights: the cache, the split's captions and the endpoint's captions agree."""
    monkeypatch.setattr(features, "cache_folder", lambda: tmp_path / "cache")
    weights = tmp_path / "random.weights.h5"
    keras.utils.set_random_seed(2)
    keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None).save_weights(weights)
    settings = dataclasses.replace(
        SETTINGS,
        model=MobileNetAttention(
            units=16,
            embedding_width=12,
            attention_units=8,
            encoder_weights=str(weights),
            encoder_alpha=0.35,
            picture_size=96,
        ),
    )
    random = np.random.default_rng(3)
    paths = [tmp_path / f"{name}.png" for name in "cab"]
    for path in paths:
        Image.fromarray(np.kron(random.integers(0, 256, (9, 7, 3)), np.ones((16, 16, 1))).astype(np.uint8)).save(path)
    references = (("a red circle",), ("a blue square",), ("a circle",))
    split = data.CaptionSplit(paths, references)
    collected = data._Collected({"test": split}, Source("own", ""), {}, ())
    monkeypatch.setattr(data, "_collect", lambda config, evaluate_only: collected)
    split = data.prepare(settings, SPEC).splits["test"]
    model = models.build(settings, SPEC)
    for weight in model.decoder.trainable_weights:
        weight.assign(3 * weight)
    (endpoint,) = serve.endpoints(settings, SPEC, model)
    inputs = serve.examples(settings, SPEC, split)["picture_bytes"]["pictures"]
    answers = endpoint.function(tf.constant(list(inputs)))
    predictions = evaluate.predict(settings, SPEC, model, split)
    decoded = tf.stack([features.resize(tf.io.decode_image(item, channels=3), 96) for item in inputs])
    cached = data.encoder_inputs(split, np.arange(3), np.zeros(3, bool))
    np.testing.assert_allclose(cached, model.features(decoded), rtol=2e-3, atol=2e-3)
    assert [text.decode() for text in answers["caption"].numpy()] == predictions["hypothesis"].tolist()
    np.testing.assert_allclose(answers["log_probability"], predictions["log_probability"], atol=2e-2)


def test_evaluation_and_figures_of_stored_predictions(model, tmp_path):
    config = dataclasses.replace(SETTINGS, data=dataclasses.replace(SETTINGS.data, limit=40))
    prepared = data.prepare(config, SPEC)
    small = dataclasses.replace(prepared.splits["test"], references=prepared.splits["test"].references[:30])
    predictions = evaluate.predict(config, SPEC, model, small)
    np.savez(tmp_path / "predictions.npz", **predictions)
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        predictions = dict(stored)
    metrics = evaluate.evaluate(config, SPEC, predictions)
    assert set(metrics) >= {"bleu1", "bleu4", "rouge_l", "cider_d", "cider_d_greedy"}
    low, high = metrics["cider_d"].interval95
    assert low <= metrics["cider_d"].value <= high and metrics["cider_d"].examples == 30
    predictions["hypothesis"] = np.char.add(predictions["hypothesis"], " $x^ <b>")
    sections = figures.figures(config, SPEC, None, None, predictions)
    for section in sections:
        assert isinstance(section, Picture | Table)
        if isinstance(section, Picture):
            section.figure.savefig(tmp_path / "figure.png")


def test_nearest_picture_finds_the_same_picture():
    prepared = data.prepare(SETTINGS)
    copied = {**prepared.splits, "train": prepared.splits["test"]}
    found = evaluate.baselines(SETTINGS, dataclasses.replace(prepared, splits=copied))["nearest_picture"]
    assert [str(text) for text in found["hypothesis"]] == [group[0] for group in prepared.splits["test"].references]
    assert evaluate.evaluate(SETTINGS, prepared.spec, found)["bleu1"].value == pytest.approx(1, abs=1e-6)
