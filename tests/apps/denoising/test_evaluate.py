"""Picture quality, filters, metrics and figures of the denoiser."""

import importlib.util
import sys
import types

import keras
import numpy as np
import pytest
import scipy.ndimage
import skimage.metrics

from apps.denoising import evaluate, figures, filters, image_quality
from apps.denoising.config import Config, ConvolutionalAutoencoder, DataConfig
from apps.denoising.data import Stack, fixed_pictures
from harness.app import Prepared, Source


@pytest.fixture
def pairs():
    generator = np.random.default_rng(0)
    clean = generator.random((5, 20, 24, 3)).astype(np.float32)
    return clean, (clean + 0.2 * generator.standard_normal(clean.shape)).astype(np.float32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(filters, "_folder", lambda: tmp_path / "cache")


def test_qualities_are_those_of_scikit_image(pairs):
    clean, noisy = pairs
    measured = image_quality.qualities(clean, noisy)
    for index, (truth, answer) in enumerate(zip(clean, np.clip(noisy, 0, 1), strict=True)):
        psnr = skimage.metrics.peak_signal_noise_ratio(truth, answer, data_range=1)
        ssim = skimage.metrics.structural_similarity(
            truth.astype(float),
            answer.astype(float),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=-1,
        )
        assert measured["psnr_db"][index] == pytest.approx(psnr, abs=1e-4)
        assert measured["ssim"][index] == pytest.approx(ssim, abs=1e-4)
        assert measured["mse"][index] == pytest.approx(skimage.metrics.mean_squared_error(truth, answer), rel=1e-5)


def test_training_metric_is_the_mean_over_pictures(pairs):
    clean, noisy = pairs
    metric = image_quality.psnr_metric()
    metric.update_state(clean[:3], noisy[:3])
    metric.update_state(clean[3:], noisy[3:])
    answers = zip(clean, np.clip(noisy, 0, 1), strict=True)
    expected = np.mean([skimage.metrics.peak_signal_noise_ratio(a, b, data_range=1) for a, b in answers])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-4)


def test_equal_pictures_have_a_finite_quality():
    clean = np.full((1, 12, 12, 1), 0.5, np.float32)
    measured = image_quality.qualities(clean, clean)
    assert measured["psnr_db"][0] == 100.0 and measured["ssim"][0] == pytest.approx(1.0)


@pytest.mark.parametrize("name", filters.NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_filter_cleans_a_smooth_picture(name, channels):
    rows, columns = np.mgrid[0:32, 0:32] / 31.0
    clean = np.repeat((0.2 + 0.3 * rows + 0.3 * columns)[..., None], channels, axis=-1)[None].astype(np.float32)
    noisy = clean + np.float32(0.1) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    answer = filters._best_setting(name, clean, noisy, 0.1)
    gain = image_quality.qualities(clean, answer)["psnr_db"] - image_quality.qualities(clean, noisy)["psnr_db"]
    assert gain[0] > 4


def test_bilateral_filter_without_colour_is_a_gaussian_window():
    picture = np.random.default_rng(0).random((12, 15, 3))
    rows, columns = np.mgrid[-3:4, -3:4]
    window = np.exp(-0.5 * (rows**2 + columns**2) / 1.2**2)
    expected = scipy.ndimage.correlate(picture, (window / window.sum())[..., None], mode="mirror")
    np.testing.assert_allclose(filters.bilateral(picture, 1e6, 1.2), expected, atol=1e-9)


def test_bilateral_filter_keeps_an_edge():
    picture = np.zeros((9, 10, 3))
    picture[:, 5:] = 1.0
    np.testing.assert_allclose(filters.bilateral(picture, 0.1, 2.0), picture, atol=1e-9)


def test_a_filters_best_setting_is_taken(monkeypatch, pairs):
    clean, noisy = pairs
    tried = [("worse", lambda x, s: x + 0.5), ("best", lambda x, s: x * 0 + 0.5), ("worst", lambda x, s: x * 0)]
    monkeypatch.setattr(filters, "settings_of", lambda name: tried)
    assert (filters._best_setting("any", clean, noisy, 0.2) == 0.5).all()


def bm3d_stand_in(monkeypatch, calls, fail_at=None):
    def bm3d_rgb(picture, sigma):
        if len(calls) == fail_at:
            raise KeyboardInterrupt
        calls.append(picture)
        return picture * 0 + len(calls) / 100

    monkeypatch.setitem(sys.modules, "bm3d", types.SimpleNamespace(bm3d_rgb=bm3d_rgb, bm3d=bm3d_rgb))


def test_bm3d_goes_on_where_it_was_stopped(monkeypatch, tmp_path):
    noisy = np.random.default_rng(0).random((25, 12, 12, 3)).astype(np.float32)
    calls = []
    bm3d_stand_in(monkeypatch, calls, fail_at=17)
    with pytest.raises(KeyboardInterrupt):
        filters.bm3d_pictures(noisy, 0.1, tmp_path / "kept.npz")
    bm3d_stand_in(monkeypatch, calls)
    cleaned = filters.bm3d_pictures(noisy, 0.1, tmp_path / "kept.npz")
    assert len(calls) == 17 + 15
    np.testing.assert_allclose(calls[17], noisy[10], atol=1e-7)
    assert cleaned[9, 0, 0, 0] == pytest.approx(0.10) and cleaned[24, 0, 0, 0] == pytest.approx(0.32)
    filters.bm3d_pictures(noisy, 0.1, tmp_path / "kept.npz")
    assert len(calls) == 32


def test_real_bm3d_beats_its_input():
    pytest.importorskip("bm3d", reason="requirements-eval.txt is not installed")
    clean = np.full((1, 16, 16, 3), 0.5, np.float32)
    noisy = clean + np.float32(0.1) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    answer = filters.bm3d_pictures(noisy, 0.1, filters._folder() / "one.npz")
    assert (
        image_quality.qualities(clean, answer)["psnr_db"][0] > image_quality.qualities(clean, noisy)["psnr_db"][0] + 5
    )


def test_filters_are_computed_once(monkeypatch, pairs):
    clean, noisy = pairs
    pictures = np.round(255 * clean).astype(np.uint8)
    first = filters.cleaned_by_filters(pictures, noisy, 0.2, with_bm3d=False)
    assert list(first) == ["noisy", *filters.NAMES]
    monkeypatch.setattr(filters, "_best_setting", lambda *arguments: pytest.fail("computed again"))
    second = filters.cleaned_by_filters(pictures, noisy, 0.2, with_bm3d=False)
    for name, answer in first.items():
        np.testing.assert_array_equal(answer, second[name])
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        filters.cleaned_by_filters(pictures, noisy, 0.3, with_bm3d=False)


@pytest.fixture
def trained():
    """A network that takes nothing away, on 30 grey pictures."""
    config = Config(data=DataConfig(source="own", sigma=20), model=ConvolutionalAutoencoder(widths=(4, 4)))
    spec = {"channels": 1, "sigma": 20.0}
    split = Stack(np.random.default_rng(0).integers(60, 196, (30, 16, 16, 1), np.uint8))
    identity = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Identity()])
    return config, spec, split, identity


def test_predictions_of_the_identity_are_the_noise(trained):
    config, spec, split, identity = trained
    predictions = evaluate.predict(config, spec, identity, split)
    assert len(predictions["psnr_db"]) == 30 and len(predictions["fixed_psnr_db"]) == 30
    np.testing.assert_allclose(predictions["psnr_db"], predictions["noisy_psnr_db"])
    np.testing.assert_allclose(predictions["psnr_db"][predictions["fixed_index"]], predictions["fixed_psnr_db"])
    expected = -20 * np.log10(np.array(evaluate.LEVELS) / 255)
    np.testing.assert_allclose(predictions["level_noisy_psnr_db"].mean(0)[:4], expected[:4], atol=0.3)
    assert predictions["shown_cleaned"].dtype == np.uint8 and len(predictions["shown_clean"]) == 16
    order = predictions["fixed_psnr_db"][predictions["shown_index"]]
    assert (np.diff(order) <= 0).all() and order[0] == predictions["fixed_psnr_db"].max()
    assert all(array.dtype != object for array in predictions.values())


def test_metrics_are_means_over_pictures():
    predictions = {
        "psnr_db": np.array([30.0, 32.0]),
        "ssim": np.array([0.9, 0.7]),
        "mse": np.array([0.01, 0.03]),
        "fixed_psnr_db": np.array([30.0]),
        "fixed_ssim": np.array([0.9]),
        "fixed_mse": np.array([0.01]),
        "levels": np.array([5.0, 50.0]),
        "level_psnr_db": np.array([[40.0, 20.0], [42.0, 21.0]]),
    }
    metrics = evaluate.evaluate(Config(), {}, predictions)
    values = {name: metric.value for name, metric in metrics.items()}
    assert values == pytest.approx(
        {
            "psnr_db": 31.0, "ssim": 0.8, "mse": 0.02, "psnr_db_200": 30.0, "ssim_200": 0.9, "mse_200": 0.01,
            "psnr_db_sigma_5": 41.0, "psnr_db_sigma_50": 20.5,
        }
    )  # fmt: skip
    assert metrics["psnr_db"].interval95 == (30.0, 32.0) and metrics["psnr_db"].examples == 2
    assert metrics["psnr_db"].unit == "dB" and metrics["psnr_db_200"].examples == 1


def test_baselines_measure_the_same_pictures(trained, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config, spec, split, identity = trained
    prepared = Prepared({"test": split}, spec, Source("made", "0"))
    baselines = evaluate.baselines(config, prepared)
    predictions = evaluate.predict(config, spec, identity, split)
    np.testing.assert_allclose(baselines["noisy"]["fixed_psnr_db"], predictions["fixed_psnr_db"], rtol=1e-5)
    measured = {name: evaluate.evaluate(config, spec, values) for name, values in baselines.items()}
    assert set(measured) == {"noisy", *filters.NAMES}
    assert all(set(metrics) == {"psnr_db_200", "ssim_200", "mse_200"} for metrics in measured.values())
    assert len(fixed_pictures(split, 0).indices) == measured["noisy"]["psnr_db_200"].examples


def test_figures_show_what_was_measured(trained, monkeypatch):
    config, spec, split, identity = trained
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    predictions = evaluate.predict(config, spec, identity, split)
    sections = figures.figures(config, spec, identity, Prepared({"test": split}, spec, Source("own", "")), predictions)
    titles = [section.title for section in sections]
    assert titles == [
        "Beside classical filters",
        "BM3D",
        "Best and worst",
        "Other noise levels",
        "Spread over the test pictures",
    ]
    bars = {label.get_text() for label in sections[0].figure.axes[0].get_yticklabels()}
    assert {"this network", "noisy", "non local means"} <= bars
    assert len(sections[2].figure.axes) == 3 * 16
    without_data = figures.figures(config, spec, None, None, predictions)
    assert [section.title for section in without_data] == titles[2:]
