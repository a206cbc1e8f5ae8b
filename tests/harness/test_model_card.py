"""The model card says what the model is for, how good it is and how it is called."""

import pytest
import tensorflow as tf

from harness.app import Card, Endpoint, Headline, Metric, Source
from harness.model_card import model_card
from harness.results import metrics_document


@pytest.fixture(scope="module")
def card():
    source = Source("an4 | x", "f" * 64, notice="Carnegie Mellon University, 1991.")
    document = metrics_document(
        app="speech",
        preset="blstm-an4",
        title="Deep bidirectional LSTM",
        catalogue="P1",
        literature="5.33 % (Amodei 2015)",
        headline=Headline("wer", lower_is_better=True),
        source=source,
        split="test",
        examples=130,
        seed=1,
        metrics={"wer": Metric(0.114, "fraction", 130, (0.091, 0.139)), "words": Metric(773, "count", 130)},
        baselines={"nearest_recording": {"wer": Metric(0.5, "fraction", 130)}},
        parameters=2_100_000,
        train_minutes=30.0,
        matmul_gflops=200.0,
        command="make train-speech PRESET=blstm-an4",
        code="0123456789ab",
        evaluated="0123456789ab",
        machine={"cpu": "x", "cores": 2, "gpu": None},
        libraries={"tensorflow": "2.21.0"},
    )
    endpoints = [
        Endpoint("waveform", dict, [tf.TensorSpec([None, None], tf.float32, "waveform")], "Mono at 16 kHz -> text."),
        Endpoint("wav_bytes", dict, [tf.TensorSpec([], tf.string, "wav")], "A WAV file -> text."),
        Endpoint(
            "any", dict, [tf.TensorSpec(None, tf.int32, "x"), tf.TensorSpec([None, 64, 256], name="eeg")], "Both."
        ),
    ]
    written = Card("Writes down what is said.", "Dictation of letters.", "American English only.")
    return model_card(
        written, endpoints, document, source, {"train": 800, "test": 130}, {"too long": 7, "empty": 0}, ["Note."]
    )


def test_the_parts_stand_in_order(card):
    parts = [
        "# speech: Deep",
        "## Task",
        "## Intended use",
        "## Limits",
        "## Data",
        "## Metrics",
        "## Endpoints",
        "## Training",
    ]
    places = [card.index(part) for part in parts]
    assert places == sorted(places)
    for text in ("Writes down what is said.", "Dictation of letters.", "American English only.", "Note.", "f" * 64):
        assert text in card


def test_metrics_carry_interval_and_baselines(card):
    assert "| Word error rate (WER) | 11.40 % | 9.10 – 13.90 % | 130 | 50.00 % |" in card
    assert "| Words | 773 |  | 130 |  |" in card
    assert "the literature has 5.33 % (Amodei 2015)" in card


def test_signatures_show_type_and_shape(card):
    for text in (
        "- `waveform`: float32 [n, any]",
        "- `wav`: string scalar",
        "- `x`: int32 [...]",
        "- `eeg`: float32 [n, 64, 256]",
        "Mono at 16 kHz -> text.",
    ):
        assert text in card


def test_data_and_training_are_told(card):
    assert "800 train, 130 test examples" in card
    assert "Left out: 7 (too long)." in card and "empty" not in card
    assert "    make train-speech PRESET=blstm-an4" in card
    assert "30.0 min of training, code `0123456789ab`" in card
    assert "gpu" not in card and "synthetic" not in card
