"""The siamese network: its pairs, its metrics against scikit-learn, what it learns, and its two-file predictions."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.neighbors import NearestCentroid

from apps.digits.app import APP
from apps.digits.config import Config, DataConfig, Siamese
from apps.digits.presets import DEFAULT, PRESETS
from apps.digits.verification import evaluate, pairs, serve
from datasets.errors import DataError
from harness import commands, devices, runs
from harness.labelled_pictures import LabelledPictures

CONFIG = Config(data=DataConfig(source="demo"), model=Siamese())
SPEC = {"class_names": [str(number) for number in range(10)]}


def telling_pictures(labels: np.ndarray) -> LabelledPictures:
    """The class of each stands in its first pixel, its number in the next two."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, 0] = labels
    images[:, 0, 1], images[:, 0, 2] = np.divmod(np.arange(len(labels)), 256)
    return LabelledPictures(images, labels)


@settings(max_examples=50, deadline=None)
@given(labels=st.lists(st.integers(0, 4), max_size=60), seed=st.integers(0, 5))
def test_pairs_share_no_picture_and_are_half_of_each_kind(labels, seed):
    labels = np.array(labels, np.int64)
    found, same = pairs.disjoint_pairs(labels, seed)
    assert len(np.unique(found)) == found.size
    np.testing.assert_array_equal(labels[found[:, 0]] == labels[found[:, 1]], same)
    assert 2 * same.sum() == len(same)
    if len(labels) >= 40 and np.bincount(labels, minlength=2).max() < 0.6 * len(labels):
        assert len(same) >= 0.25 * len(labels) / 2


def test_a_training_picture_meets_partners_of_both_kinds_and_a_resumed_run_the_same_ones():
    split = telling_pictures(np.random.default_rng(0).permutation(np.repeat([1, 4, 7], [30, 70, 100])))
    config = replace(CONFIG, training=replace(CONFIG.training, batch_size=50))
    data = pairs.batches(config, SPEC, split, True)
    whole = [(x.numpy().astype(int), y.numpy()) for x, y in data.take(8)]
    labels = np.concatenate([x[:, :, 0, 0] for x, _ in whole])
    same = np.concatenate([y for _, y in whole])
    np.testing.assert_array_equal(labels[:, 0] == labels[:, 1], same == 1)
    assert 0.4 < same.mean() < 0.6
    others = labels[same == 0]
    assert {tuple(pair) for pair in others} == {(a, b) for a in (1, 4, 7) for b in (1, 4, 7) if a != b}
    resumed = next(iter(pairs.batches(config, SPEC, split, True, first_step=5)))
    np.testing.assert_array_equal(resumed[0], whole[5][0])
    np.testing.assert_array_equal(resumed[1], whole[5][1])


def test_the_classes_left_out_are_in_the_test_alone():
    prepared = APP.prepare(CONFIG)
    for name, present in (("train", range(7)), ("validation", range(7)), ("test", range(10))):
        assert set(prepared.splits[name].labels) == set(present)
    [(reason, count)] = prepared.dropped.items()
    assert reason == "kept from training: 7, 8, 9" and count > 300


@pytest.mark.parametrize(
    ("left_out", "said"), [(("7", "x"), "has no class x"), (tuple("012345678"), "fewer than two classes")]
)
def test_impossible_classes_to_leave_out_are_said(left_out, said):
    with pytest.raises(DataError, match=said):
        APP.prepare(replace(CONFIG, model=Siamese(left_out=left_out)))


def predictions(spread: float) -> dict[str, np.ndarray]:
    """Embeddings around a centre for each class."""
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 10, 900)
    embeddings = np.eye(10, 4)[labels % 4] + generator.normal(0, 1, (10, 4))[labels]
    embeddings = (embeddings + spread * generator.standard_normal((900, 4))).astype(np.float32)
    return {"labels": labels, "embeddings": embeddings, "calibration": np.array([2.0, -1.5])}


def test_area_and_accuracy_are_those_of_scikit_learn():
    given_predictions = predictions(0.8)
    metrics = evaluate.evaluate(CONFIG, SPEC, given_predictions)
    for left_out, ending in ((False, ""), (True, "_left_out")):
        found = evaluate.pairs_of(CONFIG, SPEC, given_predictions, left_out)
        assert set(given_predictions["labels"][found.indices].ravel()) == set(range(7, 10) if left_out else range(7))
        first, second = (given_predictions["embeddings"][found.indices[:, place]].astype(float) for place in (0, 1))
        distances = np.sqrt(((first - second) ** 2).sum(axis=1))
        area = metrics[f"roc_auc{ending}"]
        assert area.value == pytest.approx(roc_auc_score(found.same, -distances), abs=1e-9)
        assert area.interval95[0] < area.value < area.interval95[1] and area.examples == len(found.same)
        right = ((2.0 - 1.5 * distances > 0) == found.same).mean()
        assert metrics[f"accuracy{ending}"].value == pytest.approx(right)


def test_ties_count_half():
    tied = evaluate.Pairs(np.zeros((4, 2), int), np.array([True, True, False, False]), np.array([1.0, 2.0, 2.0, 2.0]))
    assert evaluate.area(tied) == roc_auc_score(tied.same, -tied.distances) == 0.75


@pytest.mark.parametrize("shots", [1, 5])
def test_a_draw_of_k_shots_is_the_nearest_centroid_of_scikit_learn(shots):
    given_predictions = predictions(0.8)
    members = np.flatnonzero(given_predictions["labels"] >= 7)
    kinds = given_predictions["labels"][members] - 7
    embeddings = given_predictions["embeddings"][members].astype(float)
    of_class = [np.flatnonzero(kinds == place) for place in range(3)]
    generator = np.random.default_rng(5)
    chosen = np.concatenate([generator.choice(places, shots, replace=False) for places in of_class])
    classifier = NearestCentroid().fit(embeddings[chosen], kinds[chosen])
    others = np.setdiff1d(np.arange(len(kinds)), chosen)
    expected = balanced_accuracy_score(kinds[others], classifier.predict(embeddings[others]))
    found = evaluate._one_draw(embeddings, kinds, of_class, shots, np.random.default_rng(5))
    assert found == pytest.approx(expected)


def test_more_shots_are_better_and_guessing_is_chance():
    known = evaluate.k_shot(CONFIG, SPEC, predictions(0.8))
    assert list(known) == [1, 5, 10] and {len(values) for values in known.values()} == {500}
    assert known[1].mean() + 0.05 < known[5].mean() < known[10].mean()
    noise = predictions(0.8)
    noise["embeddings"] = np.random.default_rng(0).standard_normal((900, 4)).astype(np.float32)
    assert evaluate.k_shot(CONFIG, SPEC, noise)[10].mean() == pytest.approx(1 / 3, abs=0.03)


def test_it_learns_to_tell_digits_apart():
    """Ninety steps on the UCI digits: far above the 1/2 of guessing on pairs, and the 1/3 on three digits it never saw."""
    config = replace(CONFIG, model=Siamese(widths=(8, 16, 32)), training=replace(CONFIG.training, batch_size=64))
    prepared = APP.prepare(config)
    keras.utils.set_random_seed(1)
    [phase] = APP.phases(config, prepared.spec, prepared)
    model = phase.build(None)
    model.compile(keras.optimizers.Adam(5e-3), **phase.compile_arguments())
    model.fit(phase.batches(prepared.splits["train"], True), steps_per_epoch=90, epochs=1, verbose=0)
    logs = model.evaluate(phase.batches(prepared.splits["validation"], False), return_dict=True, verbose=0)
    assert logs["accuracy"] > 0.85
    tuned = APP.tune(config, prepared.spec, model, prepared)
    spec = {**prepared.spec, "tuned": tuned}
    scores = APP.evaluate(config, spec, APP.predict(config, spec, model, prepared.splits["test"]))
    assert scores["accuracy"].value > 0.85 and scores["roc_auc"].value > 0.95
    assert scores["accuracy_5_shot"].value > 0.45
    intercept, slope = evaluate.calibration(spec)
    assert slope < 0 < intercept
    head = model(tf.cast(prepared.splits["test"].images[None, :2], tf.float32))
    first, second = evaluate.embed(model, prepared.splits["test"].images[:2])
    assert float(head[0]) == pytest.approx(np.linalg.norm(first - second), rel=1e-4, abs=2e-4)


def test_the_first_file_is_compared_with_each_of_the_others():
    assert list(serve.questions(CONFIG, SPEC, map(Path, "abc"))) == [(Path("a"), Path("b")), (Path("a"), Path("c"))]
    with pytest.raises(DataError, match="one picture alone"):
        list(serve.questions(CONFIG, SPEC, [Path("a")]))


@pytest.mark.long
def test_the_whole_way_and_an_answer_for_two_files(tmp_path, monkeypatch, capsys):
    """Train, evaluate, export in a fresh process, predict: a digit is the same as itself a little larger, and no other."""
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(devices, "matmul_gflops", lambda: 100.0)
    flags = (
        "--preset siamese-mnist --data demo --training.epochs 25 --training.batch-size 64 --training.ema-momentum None"
    )

    def command(*arguments: str) -> int:
        return commands.main("digits", Config, PRESETS, DEFAULT, lambda: APP, arguments)

    assert command("run", *flags.split()) == 0
    [report] = (tmp_path / "runs").glob("digits/*/seed-1/report.html")
    text = report.read_text()
    for title in ("ROC curve", "Map of the embedding", "Classes left out, by a few examples", "pixel distance"):
        assert title in text
    assert "Trained without 7, 8, 9" in (report.parent / "MODEL_CARD.md").read_text()
    test = APP.prepare(CONFIG).splits["test"]
    zero, one = (test.images[test.labels == digit][0] for digit in (0, 1))
    for name, image in (("zero", zero), ("larger", np.kron(zero, np.ones((3, 3), np.uint8))), ("one", one)):
        Image.fromarray(255 - image).save(tmp_path / f"{name}.png")
    capsys.readouterr()
    files = [str(tmp_path / f"{name}.png") for name in ("zero", "larger", "one")]
    assert command("predict", *files, "--json") == 0
    same, different = map(json.loads, capsys.readouterr().out.splitlines())
    assert (same["file"], same["file2"], same["answer"]) == (files[0], files[1], "same")
    assert different["answer"] == "different" and different["distance"] > 2 * same["distance"]
    assert command("predict", files[0]) == 1
    assert "one picture alone" in capsys.readouterr().err
