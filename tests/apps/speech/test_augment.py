"""Noise and reverberation: their spectra, powers and decay, measured by scipy; and batches that stay functions of the step."""

import dataclasses

import numpy as np
import pytest
from scipy import signal, stats

from apps.speech import augment, data
from apps.speech.config import Config, DataConfig
from datasets.errors import DataError
from harness.settings import TrainingConfig, from_dict, identity, to_dict

SPEECH = np.round(8000 * np.sin(np.arange(32000) / 7) * np.hanning(32000)).astype(np.int16)
NOISY = {"noise_share": 1.0, "noise_snr": (10.0, 10.0)}


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("noise", "slope"), [(augment.white, 0.0), (augment.pink, -1.0)])
def test_noise_has_the_spectrum_of_its_colour(noise, slope):
    hertz, power = signal.welch(noise(160_000, generator()), augment.SAMPLE_RATE, nperseg=2048)
    inside = (hertz > 50) & (hertz < 7500)
    fit = stats.linregress(np.log(hertz[inside]), np.log(power[inside]))
    assert fit.slope == pytest.approx(slope, abs=0.05)


@pytest.mark.parametrize("decibels", [0.0, 10.0, 25.0])
def test_noise_is_so_many_decibels_below_the_speech(decibels):
    mixed = augment.noisy(SPEECH, augment.pink(len(SPEECH), generator()), decibels)
    noise = mixed - SPEECH
    assert 10 * np.log10(np.mean(SPEECH.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(decibels, abs=0.01)


def test_babble_is_made_of_its_voices_alone_at_equal_power():
    tones = [(amplitude * np.sin(2 * np.pi * hertz * np.arange(8000) / 16000)).astype(np.int16)
             for hertz, amplitude in ((500, 300), (1000, 20_000), (2000, 4000))]  # fmt: skip
    spectra = [
        np.abs(np.fft.rfft(augment.babble(16000, generator(seed), tones))) ** 2 / 8000**2 for seed in range(60)
    ]  # a tone of power 1 gives 2
    assert all(s[[500, 1000, 2000]].sum() > 0.99 * s.sum() for s in spectra)
    assert np.mean(spectra, axis=0)[[500, 1000, 2000]] == pytest.approx(2 * 4.5 / 3, rel=0.5)  # 3 to 6 voices among 3


def test_a_room_decays_by_sixty_decibels_in_its_time():
    response = augment.impulse_response(0.4, 6.0, generator())
    assert response[0] == 1.0
    assert 10 * np.log10(1 / np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.01)
    decay = 10 * np.log10(np.cumsum(response[:0:-1] ** 2)[::-1])  # Schroeder's backward integration
    times = np.arange(len(decay)) / augment.SAMPLE_RATE
    steady = (times > 0.02) & (times < 0.2)
    assert -60 / stats.linregress(times[steady], decay[steady]).slope == pytest.approx(0.4, rel=0.1)


def test_reverberation_is_plain_convolution_and_delays_nothing():
    short, response = SPEECH[15_000:16_000], augment.impulse_response(0.05, 3.0, generator())
    expected = np.convolve(short.astype(float), response)[:1000]
    np.testing.assert_allclose(augment.reverberated(short, response), expected, atol=0.1)
    click = np.zeros(3000, np.int16)
    click[700] = 20_000
    assert np.abs(augment.reverberated(click, response)).argmax() == 700


def test_loud_mixtures_are_made_quieter_not_clipped():
    loud = np.round(32_000 * np.sin(np.arange(16_000) / 7)).astype(np.int16)
    mixed = augment.varied(loud, DataConfig(noise_share=1.0, noise_snr=(0.0, 0.0), noises=("white",)), [], generator())
    assert mixed.dtype == np.int16
    assert np.sum(np.abs(mixed) == 32_767) == 1
    assert np.corrcoef(mixed, loud)[0, 1] == pytest.approx(np.sqrt(0.5), abs=0.02)


def test_shares_are_shares():
    settings = DataConfig(noise_share=0.3, reverberation_share=0.5)
    chance, short = generator(), SPEECH[15_000:16_000]
    same = np.mean([augment.varied(short, settings, [SPEECH], chance) is short for _ in range(600)])
    assert same == pytest.approx(0.7 * 0.5, abs=0.06)


@pytest.fixture(scope="module")
def demo():
    return data.prepare(Config(data=DataConfig(source="demo", limit=24)))


def stream(settings, demo, first, count):
    config = Config(data=DataConfig(source="demo", **settings), training=TrainingConfig(batch_size=4, seed=3))
    taken = data.batches(config, demo.spec, demo.splits["train"], True, first).take(count)
    return [x["waveforms"].numpy() for x, _ in taken]


def test_batches_with_noise_are_functions_of_the_step_and_noise_changes_nothing_else(demo):
    settings = {**NOISY, "reverberation_share": 0.5}
    whole, late = stream(settings, demo, 0, 8), stream(settings, demo, 6, 2)
    for left, right in zip(whole[6:], late, strict=True):
        np.testing.assert_array_equal(left, right)
    for noisy, plain in zip(stream(NOISY, demo, 0, 6), stream({}, demo, 0, 6), strict=True):
        assert noisy.shape == plain.shape
        for row, clean in zip(noisy.astype(float), plain, strict=True):
            scale = row @ clean / (clean @ clean)
            assert 10 * np.log10(np.mean((scale * clean) ** 2) / np.mean((row - scale * clean) ** 2)) == pytest.approx(
                10, abs=1.0
            )
            assert not row[np.flatnonzero(clean)[-1] + 200 :].any()  # padding stays silent


def test_validation_and_test_utterances_are_left_as_they_are(demo):
    config = Config(data=DataConfig(source="demo", **NOISY))
    x, _ = next(iter(data.batches(config, demo.spec, demo.splits["test"].subset([0]), False)))
    np.testing.assert_array_equal(x["waveforms"][0], demo.splits["test"].samples[0].astype(np.float32) / 32768)


def test_noise_is_another_run_and_its_absence_is_not():
    plain = Config(data=DataConfig(source="demo"))
    stored = to_dict(plain)
    for name in ("noise_share", "noise_snr", "noises", "reverberation_share", "reverberation_seconds"):
        del stored["data"][name]
    assert from_dict(Config, stored) == plain  # a run from before there was noise
    assert identity(Config(data=DataConfig(source="demo", **NOISY))) != identity(plain)
    later = {item.name for item in dataclasses.fields(DataConfig) if item.metadata.get("later")}
    assert {"noise_share", "noise_snr", "noises", "reverberation_share", "reverberation_seconds"} <= later


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"noise_snr": (20.0, 5.0)}, "noise-snr 20.0 5.0: expected the lower number first"),
        ({"noise_share": 0.5, "noises": ()}, "name white, pink or babble"),
        ({"reverberation_share": 0.5, "reverberation_seconds": (0.0, 0.5)}, "above 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, expected):
    with pytest.raises(DataError, match=expected):
        data.prepare(Config(data=DataConfig(source="demo", **settings)))
