"""Error rates counted by hand, and predictions in the order of the split."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from apps.speech import figures, kneser_ney
from apps.speech.arpa import format_arpa
from apps.speech.config import Blstm, Config, DecodingConfig, FeaturesConfig
from apps.speech.data import Utterances
from apps.speech.error_rates import character_errors, word_errors
from apps.speech.evaluate import evaluate, predict
from apps.speech.models import build
from harness.app import Prepared, Source
from harness.sections import Picture, Sound, Table

REFERENCES = np.array(["go to two", "stop", "one two three four"])
HYPOTHESES = np.array(["go two two", "", "one two two three for"])
"""One substitution; one deletion; one insertion and one substitution."""


def predictions():
    return {
        "references": REFERENCES,
        "hypotheses": HYPOTHESES,
        "hypotheses_beam": REFERENCES.copy(),
        "speakers": np.array(["a", "a", "b"]),
        "names": np.array(["u1", "u2", "u3"]),
        "log_probability": np.zeros(3, np.float32),
        "blank_share": np.array([0.2, 1.0, 0.6], np.float32),
        "seconds": np.array([1.0, 0.5, 2.5]),
        "processing_seconds": np.array([0.1, 0.1, 0.2]),
    }


def test_word_errors_by_hand():
    counts = word_errors(REFERENCES, HYPOTHESES)
    assert counts["substitutions"].tolist() == [1, 0, 1]
    assert counts["deletions"].tolist() == [0, 1, 0]
    assert counts["insertions"].tolist() == [0, 0, 1]
    assert counts["words"].tolist() == [3, 1, 4]


def test_character_errors_by_hand():
    errors, characters = character_errors(REFERENCES, HYPOTHESES)
    assert errors.tolist() == [1, 4, 5]
    assert characters.tolist() == [9, 4, 18]


def test_metrics_by_hand():
    metrics = evaluate(Config(), {}, predictions())
    assert metrics["wer"].value == pytest.approx(4 / 8)
    assert metrics["cer"].value == pytest.approx(10 / 31)
    assert metrics["wer_beam"].value == metrics["cer_beam"].value == 0
    assert metrics["sentence_accuracy"].value == 0
    assert metrics["sentence_accuracy_beam"].value == 1
    assert [metrics[name].value for name in ("substitutions", "deletions", "insertions")] == [2, 1, 1]
    assert metrics["real_time_factor"].value == pytest.approx(0.1)
    low, high = metrics["wer"].interval95
    assert low < 0.5 < high
    assert all(metric.examples == 3 for metric in metrics.values())


def test_sentence_accuracy_has_the_bootstrap_interval_over_utterances():
    """Resampling 100 utterances of which 60 are right draws a binomial number of right ones."""
    repeated = {name: np.resize(values, 100) for name, values in predictions().items()}
    right = np.arange(100) < 60
    repeated["hypotheses"] = np.where(right, repeated["references"], "nothing of this")
    accuracy = evaluate(Config(), {}, repeated)["sentence_accuracy"]
    assert accuracy.value == 0.6
    assert accuracy.interval95 == pytest.approx(stats.binom(100, 0.6).ppf([0.025, 0.975]) / 100, abs=0.015)


def test_the_language_model_has_metrics_of_its_own_where_there_is_one():
    without = evaluate(Config(), {}, predictions())
    assert not [name for name in without if name.endswith("_with_language_model")]
    heard = {
        "hypotheses_with_language_model": np.array(["go to two", "", "one two"]),
        "search_seconds": np.full(3, 0.2),
    }
    metrics = evaluate(Config(), {}, {**predictions(), **heard})
    assert metrics["wer_with_language_model"].value == pytest.approx(3 / 8)
    assert metrics["cer_with_language_model"].value == pytest.approx((4 + 11) / 31)
    assert metrics["deletions_with_language_model"].value == 3
    assert metrics["real_time_factor_with_language_model"].value == pytest.approx(0.25)
    assert metrics["wer"].value == without["wer"].value


def utterances(count=40):
    generator = np.random.default_rng(0)
    samples = [(3000 * generator.standard_normal(n)).astype(np.int16) for n in generator.integers(500, 9000, count)]
    samples[7] = samples[7][:100]  # shorter than one window
    return Utterances(
        samples, [f"a{'b' * (i % 3)} c" for i in range(count)], ["s"] * count, [str(i) for i in range(count)]
    )


@pytest.fixture(scope="module")
def answered():
    settings = Config(
        features=FeaturesConfig(bins=20), model=Blstm(units=8, layers=1, filters=(4, 4)), decoding=DecodingConfig(4)
    )
    spec, split = {"characters": list(" abc")}, utterances()
    model = build(settings, spec)
    return settings, spec, model, split, predict(settings, spec, model, split)


def test_predictions_keep_the_order_and_agree_with_the_model(answered):
    _, spec, model, split, found = answered
    assert found["references"].tolist() == split.texts
    assert found["hypotheses"].dtype.kind == found["hypotheses_beam"].dtype.kind == "U"
    assert all(len(column) == len(split) for column in found.values())
    assert found["hypotheses_perturbed"][:, 0, 0].tolist() == found["hypotheses"].tolist()
    assert (found["hypotheses_perturbed"][:, :, 1:] != found["hypotheses_perturbed"][:, :, :1]).any(axis=(0, 2)).all()
    for i in (0, 7, 33, 39):
        wave = split.samples[i].astype(np.float32)[None] / 32768
        output = model({"waveforms": tf.constant(wave), "lengths": tf.constant([wave.shape[1]])})
        path = output["logits"][0].numpy()[: int(output["frames"][0])].argmax(-1)
        kept = [k for place, k in enumerate(path) if k != 4 and (place == 0 or path[place - 1] != k)]
        assert found["hypotheses"][i] == " ".join("".join(spec["characters"][k] for k in kept).split())
        assert found["blank_share"][i] == pytest.approx(np.mean(path == 4) if len(path) else 1.0)
    assert found["hypotheses"][7] == found["hypotheses_beam"][7] == ""
    assert (found["log_probability"] <= 1e-5).all()


def test_predictions_with_a_language_model(answered):
    settings, spec, model, split, found = answered
    texts = format_arpa(kneser_ney.train([["abb", "c"], ["a"]], 2))
    decoding = '{"unit": "word", "alpha": 1.0, "beta": 0.0, "known_words_only": true}'
    tuned = {"language_model.arpa": texts, "decoding.json": decoding}
    again = predict(settings, {**spec, "tuned": tuned}, model, split)
    assert "hypotheses_with_language_model" not in found
    assert set(" ".join(again["hypotheses_with_language_model"]).split()) <= {"abb", "c", "a"}
    assert (again["search_seconds"] > 0).all() and len(again["search_seconds"]) == len(split)
    assert again["hypotheses"].tolist() == found["hypotheses"].tolist()


def test_predictions_can_be_stored_without_pickle(answered, tmp_path):
    np.savez(tmp_path / "predictions.npz", **answered[4])
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        assert stored["hypotheses"].tolist() == answered[4]["hypotheses"].tolist()


def test_figures_with_and_without_model(answered):
    settings, spec, model, split, found = answered
    sections = figures.figures(settings, spec, model, Prepared({"test": split}, spec, Source("own", "")), found)
    assert sum(isinstance(section, Picture) for section in sections) == 4  # three posteriorgrams and the curves
    sounds = [section for section in sections if isinstance(section, Sound)]
    assert len(sounds) == 6
    pairs = set(zip(found["references"], found["hypotheses"], strict=True))
    assert {sound.caption for sound in sounds} <= {f"Said: “{said}”. Heard: “{heard}”." for said, heard in pairs}
    speakers = next(s for s in sections if isinstance(s, Table) and s.title == "Speakers")
    assert speakers.rows[0][:3] == ["s", 40, 80]
    without = figures.figures(settings, spec, None, None, found)
    assert [section.title for section in without if not isinstance(section, Table)] == ["Noise and speed"]


def test_figures_of_the_hand_made_predictions():
    tables = {table.title: table for table in figures.figures(Config(), {}, None, None, predictions())}
    assert [row[:4] for row in tables["Speakers"].rows] == [["a", 2, 4, "50.0 %"], ["b", 1, 4, "50.0 %"]]
    assert ["left out", "stop", "", 1] in tables["Commonest word errors"].rows
    assert tables["Heard worst"].rows[0] == ["u2", "1 of 1", "STOP", "***"]
    assert tables["Heard worst"].rows[1][2:] == ["one two *** three FOUR", "one two TWO three FOR"]
