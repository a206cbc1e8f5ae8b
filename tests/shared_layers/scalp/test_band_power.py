import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfiltfilt

from shared_layers.scalp.average_reference import AverageReference
from shared_layers.scalp.band_power import BandPower
from shared_layers.scalp.logarithm import Logarithm
from shared_layers.scalp.window_means import WindowMeans

RATE = 256
BANDS = [[4, 7], [8, 13], [13, 30]]


def _sine(hertz: float, amplitude: float = 3.0, seconds: float = 4.0) -> np.ndarray:
    times = np.arange(int(RATE * seconds)) / RATE
    return amplitude * np.sin(2 * np.pi * hertz * times + 0.4)


@pytest.mark.parametrize(("hertz", "band"), [(5.5, 0), (10.5, 1), (20.0, 2)])
def test_a_sine_shows_half_its_squared_amplitude_in_its_own_band_alone(hertz, band):
    power = np.asarray(BandPower(BANDS, RATE)(_sine(hertz)[None, None]))[0, 0]
    middle = power[:, RATE : 3 * RATE].mean(axis=1)
    expected = np.zeros(3)
    expected[band] = 4.5
    np.testing.assert_allclose(middle, expected, atol=0.1)


def test_the_envelope_follows_a_butterworth_filter_and_hilbert_transform():
    generator = np.random.default_rng(0)
    signal = generator.standard_normal(1024)
    power = np.asarray(BandPower([[8, 13]], RATE)(signal[None, None]))[0, 0, 0]
    filtered = sosfiltfilt(butter(6, [7.5, 13.5], "bandpass", fs=RATE, output="sos"), signal)
    reference = 0.5 * np.abs(hilbert(filtered)) ** 2
    inside = slice(128, -128)
    assert np.corrcoef(power[inside], reference[inside])[0, 1] > 0.95
    assert power[inside].mean() == pytest.approx(reference[inside].mean(), rel=0.15)


def test_a_burst_is_found_when_it_happens():
    signal = np.zeros(512)
    signal[256:384] = _sine(10.0, seconds=0.5)
    power = WindowMeans(4, 128)(BandPower([[8, 13]], RATE)(signal[None, None]))
    assert int(np.argmax(power)) == 2


def test_a_constant_has_no_power():
    assert np.asarray(BandPower(BANDS, RATE)(np.full((1, 2, 256), 7.0))).max() < 1e-8


def test_half_precision_computes_in_float32():
    small = 1e-5 * _sine(10.0, seconds=1.0)[None, None].astype(np.float32)
    power = BandPower(BANDS, RATE, dtype="mixed_float16")(small)
    assert power.dtype == "float32"
    assert np.asarray(power).max() > 0


def test_a_band_beyond_half_the_rate_is_refused():
    with pytest.raises(ValueError, match="band 100 to 200 Hz"):
        BandPower([[100, 200]], RATE)


@pytest.mark.parametrize(("windows", "length"), [(16, 16), (7, 128), (1, 256)])
def test_window_means_equal_slices(windows, length):
    signals = np.random.default_rng(1).standard_normal((2, 3, 256))
    starts = np.round(np.linspace(0, 256 - length, windows)).astype(int)
    expected = np.stack([signals[..., start : start + length].mean(axis=-1) for start in starts], axis=-1)
    np.testing.assert_allclose(np.asarray(WindowMeans(windows, length)(signals)), expected, atol=1e-6)


def test_a_window_longer_than_the_recording_is_refused():
    with pytest.raises(ValueError, match="300 samples does not fit into 256"):
        WindowMeans(2, 300)(np.ones((1, 256)))


def test_average_reference_keeps_the_named_electrodes_in_their_order():
    signals = np.random.default_rng(2).standard_normal((2, 5, 4)).astype(np.float32)
    referenced = np.asarray(AverageReference([4, 0, 2])(signals))
    np.testing.assert_allclose(referenced.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(referenced[:, 0] - referenced[:, 2], signals[:, 4] - signals[:, 2], atol=1e-6)


def test_logarithm_of_silence_is_its_floor():
    np.testing.assert_allclose(np.asarray(Logarithm(1e-3)(np.array([0.0, 1.0]))), np.log([1e-3, 1.001]), atol=1e-6)


@pytest.mark.parametrize("layer", [BandPower(BANDS, RATE), WindowMeans(3, 9), AverageReference([1, 0]), Logarithm(0.1)])
def test_round_trip_through_the_config(layer):
    again = type(layer).from_config(layer.get_config())
    signals = np.random.default_rng(3).random((2, 2, 64)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(layer(signals)), np.asarray(again(signals)))
