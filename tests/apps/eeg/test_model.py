import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.interpolate import CloughTocher2DInterpolator

from apps.eeg import baselines, data, evaluate, models, serve
from apps.eeg.app import APP
from apps.eeg.config import CnnLstm, Config, DataConfig, FeaturesConfig, MaxPool
from apps.eeg.frames import statistics
from apps.eeg.presets import PRESETS
from harness.settings import TrainingConfig
from shared_layers.scalp.projection import azimuthal_equidistant

SMALL = Config(
    data=DataConfig(source="demo", folds=4, fold="1", validation_subjects=1),
    features=FeaturesConfig(frame_channels="both", frames=8, image_size=10),
    model=CnnLstm(filters=(4, 0, 4, 0), lstm_units=4, temporal_filters=4, dense_units=8),
    training=TrainingConfig(batch_size=16),
)


@pytest.fixture(scope="module")
def prepared():
    return data.prepare(SMALL)


@pytest.fixture(scope="module")
def model(prepared):
    keras.utils.set_random_seed(0)
    return models.build(SMALL, prepared.spec)


def spec_for(config, prepared):
    """Returns the spec with the statistics of config.features."""
    return {**prepared.spec, **statistics(prepared.splits["train"].signals, config.features, prepared.spec)}


def test_amplitude_frames_equal_numpy_and_scipy(prepared, model):
    trials = {name: prepared.splits[name].signals[:, prepared.spec["scalp"]] for name in ("train", "test")}
    frames = keras.Model(model.input, model.get_layer("channels_last").output)
    pictures = frames.predict(prepared.splits["test"].signals[:1], verbose=0)
    assert pictures.shape == (1, 8, 10, 10, 4)
    points = azimuthal_equidistant(prepared.spec["positions"])
    low, high = points.min(axis=0), points.max(axis=0)
    columns, rows = np.meshgrid(np.linspace(low[0], high[0], 10), np.linspace(high[1], low[1], 10))
    starts = np.round(np.linspace(0, 240, 8)).astype(int)
    for frame in (0, 5):
        train, test = (
            (kept - kept.mean(axis=1, keepdims=True))[:, :, starts[frame] : starts[frame] + 16].mean(
                axis=2, dtype=np.float64
            )
            for kept in (trials["train"], trials["test"][:1])
        )
        scores = np.clip((test[0] - train.mean(axis=0)) / train.std(axis=0), -2.5, 2.5)
        reference = CloughTocher2DInterpolator(points, scores, fill_value=0.0, tol=1e-10, maxiter=10_000)(columns, rows)
        np.testing.assert_allclose(pictures[0, frame, :, :, 0], reference, atol=1e-3)


def test_every_value_is_standardised_over_the_training_trials(prepared, model):
    standardized = keras.Model(model.input, model.get_layer("standardize").output)
    values = standardized.predict(prepared.splits["train"].signals, verbose=0)
    assert values.shape[1:] == (61, 4, 8)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("channels", ["amplitude", "band_power", "both"])
@pytest.mark.parametrize("kind", [CnnLstm(filters=(4, 0)), MaxPool(filters=(4, 0))])
def test_every_model_loads_again_and_answers_the_same(prepared, tmp_path, channels, kind):
    config = dataclasses.replace(
        SMALL, model=kind, features=dataclasses.replace(SMALL.features, frame_channels=channels)
    )
    built = models.build(config, spec_for(config, prepared))
    built.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    trials = prepared.splits["test"].signals[:4]
    np.testing.assert_array_equal(built.predict(trials, verbose=0), again.predict(trials, verbose=0))


def test_half_precision_keeps_the_signal(prepared, model):
    trials = prepared.splits["test"].signals[:4]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = models.build(SMALL, prepared.spec)
    finally:
        keras.config.set_dtype_policy(before)
    half.set_weights(model.get_weights())
    assert half.output.dtype == "float32"
    np.testing.assert_allclose(half.predict(trials, verbose=0), model.predict(trials, verbose=0), atol=0.02)


def test_where_nobody_is_left_to_test_the_export_check_takes_training_data(prepared):
    everybody = dataclasses.replace(SMALL, data=dataclasses.replace(SMALL.data, fold="all", validation_subjects=0))
    splits = data.prepare(everybody).splits
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [480, 0, 0]
    assert serve.examples(everybody, prepared.spec, splits["validation"])["signals"]["signals"].shape == (8, 64, 256)


def test_eye_channels_change_nothing(prepared, model):
    trials = prepared.splits["test"].signals[:2].copy()
    before = model.predict(trials, verbose=0)
    others = [place for place in range(64) if place not in prepared.spec["scalp"]]
    trials[:, others] += 1e-4
    np.testing.assert_array_equal(model.predict(trials, verbose=0), before)


def test_the_reference_of_the_recording_does_not_matter(prepared, model):
    trials = prepared.splits["test"].signals[:2]
    moved = trials + np.float32(2e-5) * np.sin(np.arange(256) / 5).astype(np.float32)
    np.testing.assert_allclose(model.predict(moved, verbose=0), model.predict(trials, verbose=0), atol=1e-3)


def test_predictions_hold_what_metrics_and_figures_need(prepared, model):
    split = prepared.splits["test"]
    predictions = evaluate.predict(SMALL, prepared.spec, model, split)
    count, scalp = len(split), len(prepared.spec["scalp"])
    shapes = {name: value.shape for name, value in predictions.items()}
    assert shapes == {
        "labels": (count,), "probabilities": (count, 3), "subjects": (count,), "amplitude": (count, 8, scalp),
        "band_power": (count, 3, scalp), "saliency": (count, scalp),
    }  # fmt: skip
    np.testing.assert_allclose(predictions["probabilities"].sum(axis=1), 1, rtol=1e-5)
    assert predictions["subjects"].dtype.kind == "U"
    metrics = evaluate.evaluate(SMALL, prepared.spec, predictions)
    right = predictions["probabilities"].argmax(axis=1) == split.labels
    assert metrics["accuracy"].value == pytest.approx(right.mean())
    own = right[split.subjects == "simulated-01"]
    assert metrics["accuracy_of_simulated-01"].value == pytest.approx(own.mean())
    assert metrics["accuracy_of_simulated-01"].examples == len(own)
    titles = [section.title for section in APP.figures(SMALL, prepared.spec, model, prepared, predictions)]
    assert {"Subjects", "Confusion matrix", "Band power on the scalp", "Saliency on the scalp"} <= set(titles)


def test_saliency_lies_where_the_answer_comes_from(prepared):
    """A stand-in whose score is the mean of one electrode: the gradient must lie there and nowhere else."""
    inputs = keras.Input((64, 256))
    place = prepared.spec["scalp"][7]
    score = keras.layers.GlobalAveragePooling1D(data_format="channels_first")(inputs)[:, place : place + 1]
    logits = keras.layers.Concatenate()([score, -score, 0 * score])
    predictions = evaluate.predict(SMALL, prepared.spec, keras.Model(inputs, logits), prepared.splits["validation"])
    assert set(np.flatnonzero(predictions["saliency"].max(axis=0))) == {7}


def test_ridge_trains_on_everybody_who_is_not_tested(prepared):
    made = baselines.baselines(SMALL, prepared)
    assert set(made) == {"ridge", "logistic_regression"}
    for predictions in made.values():
        np.testing.assert_array_equal(predictions["labels"], prepared.splits["test"].labels)
        np.testing.assert_allclose(predictions["probabilities"].sum(axis=1), 1)
    assert len(data.all_but_test(prepared.splits)) == 360


def test_time_courses_are_bin_means_against_the_average(prepared):
    signals = prepared.splits["test"].signals[:3]
    courses = baselines.time_courses(signals, prepared.spec).reshape(3, 61, 16)
    np.testing.assert_allclose(courses.sum(axis=1), 0, atol=1e-2)
    kept = 1e6 * signals[:, prepared.spec["scalp"]]
    difference = (kept[:, 0] - kept[:, 1])[:, 32:48].mean(axis=1)
    np.testing.assert_allclose(courses[:, 0, 2] - courses[:, 1, 2], difference, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def endpoint(prepared, model):
    (only,) = serve.endpoints(SMALL, prepared.spec, model)
    return tf.function(only.function, input_signature=list(only.signature))


def test_the_endpoint_answers_with_the_class_of_the_largest_probability(prepared, endpoint):
    outputs = endpoint(tf.constant(prepared.splits["test"].signals[:5]))
    names = np.array(prepared.spec["class_names"])
    expected = names[outputs["probabilities"].numpy().argmax(axis=1)]
    assert [name.decode() for name in outputs["condition"].numpy()] == expected.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :32], "received another shape"),
        (lambda x: x[:, :, :128], "received another shape"),
        (lambda x: 1e6 * x, "perhaps microvolts"),
        (lambda x: np.where(np.arange(256) == 7, np.nan, x), "not finite"),
    ],
)
def test_the_endpoint_says_what_it_expected(prepared, endpoint, change, message):
    trials = change(prepared.splits["test"].signals[:2]).astype(np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as error:
        endpoint(tf.constant(trials))
    assert "64 electrodes x 256 samples at 256 Hz, in volts" in str(error.value)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_builds(prepared, name):
    config = PRESETS[name].config
    built = models.build(
        config, {**prepared.spec, **data.statistics(prepared.splits["train"].signals, config.features, prepared.spec)}
    )
    assert built.output_shape == (None, 3)
    assert len(APP.folds(config)) == (0 if name == "demo" else 7)
