"""The endpoints, on good and on bad input."""

import io

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from apps.speech import serve
from apps.speech.config import Blstm, Config, FeaturesConfig
from apps.speech.data import Utterances
from apps.speech.models import build
from datasets.errors import DataError

SETTINGS = Config(features=FeaturesConfig(bins=20), model=Blstm(units=8, layers=1, filters=(4, 4)))
SPEC = {"characters": list(" abé")}


def wav(samples, rate=16000, subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def noise(samples, channels=None):
    shape = samples if channels is None else (samples, channels)
    return (3000 * np.random.default_rng(samples).standard_normal(shape)).astype(np.int16)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(model, the SavedModel's signatures)."""
    keras.utils.set_random_seed(0)
    model = build(SETTINGS, SPEC)
    folder = str(tmp_path_factory.mktemp("speech") / "saved_model")
    archive = keras.export.ExportArchive()
    archive.track(model)
    for endpoint in serve.endpoints(SETTINGS, SPEC, model):
        archive.add_endpoint(endpoint.name, endpoint.function, input_signature=list(endpoint.signature))
    archive.write_out(folder, verbose=False)
    loaded = tf.saved_model.load(folder)
    yield model, loaded.signatures
    del loaded


def test_both_endpoints_answer_alike_and_like_the_model(exported):
    model, signatures = exported
    split = Utterances([noise(9000), noise(4000)], ["a", "b"], ["", ""], ["1", "2"])
    inputs = serve.examples(SETTINGS, SPEC, split)
    answers = {
        name: signatures[name](**{key: tf.constant(value) for key, value in values.items()})
        for name, values in inputs.items()
    }
    assert set(answers["waveform"]) == {"text", "text_beam", "log_probability", "log_probabilities", "frames"}
    for key, value in answers["waveform"].items():
        np.testing.assert_array_equal(value, answers["wav_bytes"][key])
    direct = model({name: tf.constant(value) for name, value in inputs["waveform"].items()})
    np.testing.assert_allclose(answers["waveform"]["log_probabilities"], tf.nn.log_softmax(direct["logits"]), atol=1e-5)
    assert answers["waveform"]["frames"].numpy().tolist() == [14, 6]


def test_a_batch_answers_like_its_members(exported):
    _, signatures = exported
    files = [wav(noise(9000)), wav(noise(2000, channels=2)), wav(noise(500))]
    together = signatures["wav_bytes"](wavs=tf.constant(files))
    for i, file in enumerate(files):
        alone = signatures["wav_bytes"](wavs=tf.constant([file]))
        assert alone["text"][0] == together["text"][i]
        np.testing.assert_allclose(alone["log_probability"][0], together["log_probability"][i], atol=1e-4)


BAD_FILES = {
    "text": (b"this is text, renamed", "16-bit PCM WAV"),
    "empty": (b"", "16-bit PCM WAV"),
    "another rate": (wav(noise(8000), rate=8000), "16000 Hz"),
    "floats": (wav(noise(8000) / 32768.0, subtype="FLOAT"), "PCM"),
    "24 bits": (wav(noise(8000), subtype="PCM_24"), "16"),
    "truncated": (wav(noise(8000))[:200], None),
    "too short": (wav(noise(399)), "400 samples"),
    "no samples": (wav(noise(0)), "400 samples"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_invalid_arguments(exported, name):
    content, expected = BAD_FILES[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        exported[1]["wav_bytes"](wavs=tf.constant([content]))


BAD_WAVEFORMS = {
    "length beyond the samples": (np.zeros((1, 800)), [801], "at most the number of samples"),
    "too short": (np.zeros((1, 800)), [399], "at least 400 samples"),
    "not a number": (np.full((1, 800), np.nan), [800], r"\[-1, 1\]"),
    "infinite": (np.full((1, 800), np.inf), [800], r"\[-1, 1\]"),
    "16-bit scale": (np.full((1, 800), 3000.0), [800], "divide 16-bit ones by 32768"),
    "none": (np.zeros((0, 800)), np.zeros(0), "at least one recording, received none"),
    "lengths missing": (np.zeros((2, 800)), [800], "one length for each row"),
}


@pytest.mark.parametrize("name", BAD_WAVEFORMS)
def test_bad_waveforms_are_invalid_arguments(exported, name):
    waveforms, lengths, expected = BAD_WAVEFORMS[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        exported[1]["waveform"](waveforms=tf.constant(waveforms, tf.float32), lengths=tf.constant(lengths, tf.int32))


@pytest.mark.parametrize(("ending", "rate"), [("flac", 16000), ("wav", 44100), ("ogg", 8000)])
def test_read_any_file(tmp_path, ending, rate):
    path = tmp_path / f"speech.{ending}"
    soundfile.write(path, 0.1 * np.sin(np.arange(rate)), rate)
    inputs = serve.read(SETTINGS, SPEC, path)
    assert inputs["waveforms"].shape[0] == 1
    assert inputs["waveforms"].dtype == np.float32
    assert inputs["lengths"].tolist() == [inputs["waveforms"].shape[1]]
    assert inputs["waveforms"].shape[1] == pytest.approx(16000, abs=20)


def test_read_names_what_is_wrong(tmp_path):
    soundfile.write(tmp_path / "click.wav", np.zeros(200), 16000)
    with pytest.raises(DataError, match=r"click\.wav.*too short"):
        serve.read(SETTINGS, SPEC, tmp_path / "click.wav")
    with pytest.raises(DataError, match=r"absent\.wav"):
        serve.read(SETTINGS, SPEC, tmp_path / "absent.wav")


def test_answer_is_one_row_of_json_values(exported, tmp_path):
    inputs = {"waveforms": tf.zeros([1, 8000]), "lengths": tf.constant([8000])}
    outputs = {name: value.numpy() for name, value in exported[1]["waveform"](**inputs).items()}
    row = serve.answer(SETTINGS, SPEC, tmp_path / "a.wav", outputs, tmp_path)
    assert set(row) == {"text", "text_best_path", "log_probability"}
    assert isinstance(row["text"], str)
    assert row["log_probability"] <= 0.001
