"""Noise of the stated power, speeds of the stated length and pitch, and word error rates counted by hand."""

import numpy as np
import pytest

from apps.speech import robustness
from apps.speech.data import Utterances

NOISE, BABBLE, SPEED = robustness.PERTURBATIONS


def tone(hertz=440, count=16_000, amplitude=4000):
    return np.round(amplitude * np.sin(2 * np.pi * hertz * np.arange(count) / 16_000)).astype(np.int16)


def power(samples):
    return np.mean(np.square(samples, dtype=float))


@pytest.mark.parametrize("kind", [NOISE, BABBLE])
@pytest.mark.parametrize("decibels", [20, 0])
def test_noise_is_so_many_decibels_below_the_speech(kind, decibels):
    voices = [tone(900), tone(1500), tone(2100, 9000)]
    harder = kind.apply(tone(), decibels, np.random.default_rng(1), voices)
    assert harder.dtype == np.int16
    noise = harder.astype(float) - tone()
    assert 10 * np.log10(power(tone()) / power(noise)) == pytest.approx(decibels, abs=0.05)


def test_loud_speech_with_noise_is_made_quieter_not_clipped():
    loud = tone(amplitude=32_000)
    harder = NOISE.apply(loud, 0, np.random.default_rng(1), [])
    assert np.abs(harder.astype(int)).max() == 32_767
    assert np.mean(np.abs(harder.astype(int)) == 32_767) < 0.001
    slope = np.dot(harder.astype(float), loud) / np.dot(loud.astype(float), loud)
    assert slope < 0.6
    assert power(harder - slope * loud) == pytest.approx(power(slope * loud), rel=0.05)


def test_babble_without_other_utterances_is_the_voice_itself():
    assert BABBLE.apply(tone(), 0, np.random.default_rng(0), []).shape == (16_000,)


@pytest.mark.parametrize("speed", SPEED.strengths)
def test_speed_changes_length_and_pitch(speed):
    harder = SPEED.apply(tone(), speed, np.random.default_rng(0), [])
    assert len(harder) == pytest.approx(16_000 / speed, abs=2)
    spectrum = np.abs(np.fft.rfft(harder[2000:10_000]))
    assert np.argmax(spectrum) * 2 == pytest.approx(440 * speed, abs=2)


def test_the_choice_is_always_the_same():
    few, many = robustness.subset(40), robustness.subset(500)
    assert few.tolist() == list(range(40))
    assert len(set(many.tolist())) == 60 and (np.diff(many) > 0).all() and many.max() < 500
    assert many.tolist() == robustness.subset(500).tolist()


def heard_by_a_stand_in(split, places):
    """Everything that the transcriber was given, and the answers."""
    given = []

    def transcribe(harder):
        given.append(harder)
        return [f"{name} {len(given)}" for name in harder.names]

    return given, robustness.answers(transcribe, split, places, ["as it is"] * len(places))


def test_answers_stand_by_utterance_perturbation_and_strength():
    generator = np.random.default_rng(0)
    samples = [(3000 * generator.standard_normal(n)).astype(np.int16) for n in (2000, 3000, 3000)]
    split = Utterances(samples, ["a", "b", "c"], ["", "", ""], ["u1", "u2", "u3"])
    given, answers = heard_by_a_stand_in(split, np.array([1, 2]))
    assert answers.shape == (2, 3, 5)
    assert (answers[:, :, 0] == "as it is").all()
    assert answers[1, 0, 1:].tolist() == ["u3 1", "u3 2", "u3 3", "u3 4"]
    assert answers[0, 2, 1:].tolist() == ["u2 9", "u2 10", "u2 11", "u2 12"]
    assert [split.texts for split in given] == [["b", "c"]] * 12
    added = [given[0].samples[i].astype(int) - samples[1 + i] for i in (0, 1)]
    assert abs(np.corrcoef(*added)[0, 1]) < 0.1  # noise of its own for each utterance
    again, _ = heard_by_a_stand_in(split, np.array([1, 2]))
    for left, right in zip(given, again, strict=True):
        np.testing.assert_array_equal(np.concatenate(left.samples), np.concatenate(right.samples))


REFERENCES = np.array(["go to two", "stop"])


def worse_by_strength():
    """Right as recorded, then one word wrong more each time, of four."""
    row = [["go to two", "stop"], ["go to", "stop"], ["go", "stop"], ["no", "stop"], ["no", ""]]
    return np.moveaxis(np.array([row] * 3), -1, 0)


def test_word_error_rates_by_hand():
    metrics = robustness.metrics(REFERENCES, worse_by_strength())
    assert metrics["wer_as_recorded"].value == 0
    assert [metrics[f"wer_white_noise_{d}_db"].value for d in (20, 10, 5, 0)] == [0.25, 0.5, 0.75, 1.0]
    assert [metrics[f"wer_babble_{d}_db"].value for d in (20, 10, 5, 0)] == [0.25, 0.5, 0.75, 1.0]
    assert [metrics[f"wer_speed_{s}"].value for s in (0.8, 0.9, 1.1, 1.2)] == [0.25, 0.5, 0.75, 1.0]
    assert len(metrics) == 13 and all(metric.examples == 2 for metric in metrics.values())


def test_curves_stand_where_the_strengths_are():
    picture = robustness.curves(REFERENCES, worse_by_strength())
    noise, _, speed = picture.figure.axes
    for axes, strengths, rates in (
        (noise, [0, 5, 10, 20, 30], [100, 75, 50, 25, 0]),
        (speed, [0.8, 0.9, 1.0, 1.1, 1.2], [25, 50, 0, 75, 100]),
    ):
        [line] = axes.lines
        np.testing.assert_allclose(line.get_xdata(), strengths)
        np.testing.assert_allclose(line.get_ydata(), rates)
    assert noise.xaxis_inverted() and not speed.xaxis_inverted()
    assert [label.get_text() for label in noise.get_xticklabels()][-1] == "clean"
    assert "2 test utterances" in picture.caption
