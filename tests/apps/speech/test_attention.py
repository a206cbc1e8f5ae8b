"""The encoder-decoder as a whole."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.speech import data, models
from apps.speech.config import AttentionEncoderDecoder, Config, DecodingConfig, FeaturesConfig
from apps.speech.decoding import transcribe
from apps.speech.models.attention import spelt
from datasets.errors import DataError
from shared_layers.ctc.loss import ctc_loss

SPEC = {"characters": list("ab")}
CONFIG = Config(
    features=FeaturesConfig(bins=20, frequency_masks=0, time_masks=0),
    model=AttentionEncoderDecoder(
        units=8, layers=1, filters=(4, 4), projection=0, dropout=0.0, decoder_units=16, embedding_width=4, attention_units=8
    ),
)  # fmt: skip
LENGTHS = np.array([9000, 6000], np.int32)
TARGETS = np.array([[0, 1, 1, 0], [1, 1, -1, -1]], np.int32)


def inputs(further=0):
    rows = 0.1 * np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    rows[1, 6000:] = 0
    return {"waveforms": tf.constant(np.pad(rows, ((0, 0), (0, further)))), "lengths": tf.constant(LENGTHS)}


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    model = models.build(CONFIG, SPEC)
    model.compile(keras.optimizers.Adam(0.02, global_clipnorm=5.0))
    for _ in range(60):
        logs = model.train_on_batch(inputs(), TARGETS, return_dict=True)
    assert logs["spelling_error_rate"] < 0.3
    return model


def heard(model, given, ctc_share=0.0):
    decoding = DecodingConfig(beam_width=4, ctc_share=ctc_share)
    answer = transcribe(model, decoding, SPEC["characters"], given["waveforms"], given["lengths"])
    return {name: value.numpy() for name, value in answer.items()}


@pytest.mark.parametrize("ctc_share", [0.0, 0.5])
def test_two_utterances_are_learnt_by_heart_and_padding_changes_nothing(trained, ctc_share):
    answer, padded = heard(trained, inputs(), ctc_share), heard(trained, inputs(3000), ctc_share)
    for name in ("text", "text_beam"):
        assert [text.decode() for text in answer[name]] == ["abba", "bb"]
        assert answer[name].tolist() == padded[name].tolist()
    np.testing.assert_allclose(answer["log_probability"], padded["log_probability"], atol=1e-3)
    assert (answer["log_probability"] > np.log(0.5)).all()


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("ctc_share", [0.0, 0.4, 1.0])
def test_log_probability_is_that_of_the_text(trained, ctc_share, width):
    outputs = trained(inputs())
    labels, found = spelt(trained, outputs, DecodingConfig(ctc_share=ctc_share), width)
    edge = 2
    for row, text in enumerate(labels.to_list()):
        before, after = [edge, *text], [*text, edge]
        logits = trained.decoder(outputs["memory"][row : row + 1], outputs["frames"][row : row + 1], np.array([before]))
        by_decoder = sum(tf.nn.log_softmax(logits)[0, place, label] for place, label in enumerate(after))
        by_ctc = -ctc_loss(tf.constant([text]), outputs["logits"][row : row + 1], outputs["frames"][row : row + 1])[0]
        expected = (1 - ctc_share) * by_decoder + ctc_share * by_ctc
        assert float(found[row]) == pytest.approx(float(expected), abs=1e-3)


def test_what_ctc_hears_keeps_a_decoder_that_has_lost_its_place_from_going_astray(trained):
    outputs = dict(trained(inputs()))
    outputs["memory"] = tf.zeros_like(outputs["memory"])  # nothing to look at
    alone, together = (spelt(trained, outputs, DecodingConfig(ctc_share=share), 4)[0].to_list() for share in (0.0, 0.9))
    assert alone[0] == alone[1]
    assert together == [[0, 1, 1, 0], [1, 1]]


@pytest.mark.parametrize("flag", ["--model.ctc-share", "--decoding.ctc-share"])
def test_a_share_beyond_the_whole_is_refused(flag):
    group = flag.removeprefix("--").split(".")[0]
    config = dataclasses.replace(CONFIG, **{group: dataclasses.replace(getattr(CONFIG, group), ctc_share=1.5)})
    with pytest.raises(DataError, match=f"{flag} 1.5: expected 0 to 1"):
        data.prepare(config)


def test_losses_of_lower_layers_are_refused():
    with pytest.raises(DataError, match=r"--model\.intermediate-loss: the encoder-decoder has a loss of its own"):
        models.build(dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, intermediate_loss=True)), SPEC)


def test_saved_and_loaded(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    before, after = heard(trained, inputs()), heard(again, inputs())
    assert after["text_beam"].tolist() == before["text_beam"].tolist()
    np.testing.assert_allclose(after["log_probabilities"], before["log_probabilities"], atol=1e-6)
