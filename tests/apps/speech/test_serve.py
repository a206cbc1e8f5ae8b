"""The endpoints and `predict`, on good and on bad input."""

import io
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from apps.speech import app, kneser_ney, pauses, serve
from apps.speech.arpa import format_arpa
from apps.speech.config import Blstm, Config, FeaturesConfig
from apps.speech.data import Utterances
from apps.speech.models import build
from datasets import long_audio
from datasets.errors import DataError
from harness import predicting

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
def run(tmp_path_factory):
    """The folder of an exported run."""
    folder = tmp_path_factory.mktemp("speech")
    (folder / "saved_model/assets.extra").mkdir(parents=True)
    (folder / "saved_model/assets.extra/endpoints.txt").write_text("waveform_posteriors\nwaveform\n")
    (folder / "spec.json").write_text(json.dumps(SPEC))
    return folder


@pytest.fixture(scope="module")
def exported(run):
    """(model, the SavedModel's signatures)."""
    keras.utils.set_random_seed(0)
    model = build(SETTINGS, SPEC)
    folder = str(run / "saved_model")
    archive = keras.export.ExportArchive()
    archive.track(model)
    for endpoint in serve.endpoints(SETTINGS, SPEC, model):
        archive.add_endpoint(endpoint.name, endpoint.function, input_signature=list(endpoint.signature))
    archive.write_out(folder, verbose=False)
    loaded = tf.saved_model.load(folder)
    yield model, loaded.signatures
    del loaded


def test_all_endpoints_answer_alike_and_like_the_model(exported):
    model, signatures = exported
    split = Utterances([noise(9000), noise(4000)], ["a", "b"], ["", ""], ["1", "2"])
    inputs = serve.examples(SETTINGS, SPEC, split)
    answers = {
        name: signatures[name](**{key: tf.constant(value) for key, value in values.items()})
        for name, values in inputs.items()
    }
    texts, everything = answers["waveform"], answers["waveform_posteriors"]
    assert set(texts) == set(answers["wav_bytes"]) == {"text", "text_beam", "log_probability"}
    assert set(everything) == {*texts, "log_probabilities", "frames"}
    for answer in answers.values():
        for key, value in answer.items():
            np.testing.assert_array_equal(value, everything[key])
    assert set(answers["wav_bytes_posteriors"]) == set(everything)
    direct = model({name: tf.constant(value) for name, value in inputs["waveform"].items()})
    np.testing.assert_allclose(everything["log_probabilities"], tf.nn.log_softmax(direct["logits"]), atol=1e-5)
    assert everything["frames"].numpy().tolist() == [14, 6]


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
    outputs = {name: value.numpy() for name, value in exported[1]["waveform_posteriors"](**inputs).items()}
    row = serve.answer(SETTINGS, SPEC, tmp_path / "a.wav", outputs, tmp_path)
    assert set(row) == {"text", "text_best_path", "log_probability"}
    assert isinstance(row["text"], str)
    assert row["log_probability"] <= 0.001


def predicted(run, *paths):
    """What `predict` answers for each file: a row, or an error."""
    session = SimpleNamespace(app=app.APP, config=SETTINGS, exported=lambda: run)
    return [row for _, row in predicting.answers(session, paths, run)]


def truncated_flac(path):
    soundfile.write(path, noise(32_000), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


UNREADABLE = {
    "absent.wav": (lambda path: None, "there is no such file"),
    "empty.wav": (lambda path: path.write_bytes(b""), "an empty file"),
    "text.wav": (
        lambda path: path.write_text("this is text, renamed\n" * 50),
        "expected WAV, FLAC, OGG, AIFF or SPHERE",
    ),
    "truncated.flac": (truncated_flac, "truncated|not a recording that can be read"),
    "click.wav": (lambda path: soundfile.write(path, noise(160), 16_000), "10 ms of sound, too short"),
    "nan.wav": (lambda path: soundfile.write(path, np.full(800, np.nan), 16_000, "FLOAT"), "not finite"),
    "silence.wav": (lambda path: soundfile.write(path, np.zeros(16_000), 16_000), "silent"),
    "opposite.wav": (
        lambda path: soundfile.write(path, np.stack([noise(16_000), -noise(16_000)], axis=1), 16_000),
        "silent",
    ),
}


def test_bad_files_are_named_and_the_others_are_answered(exported, run, tmp_path):
    for name, (write, _) in UNREADABLE.items():
        write(tmp_path / name)
    soundfile.write(tmp_path / "stereo.wav", noise(44_100, channels=2), 44_100)
    soundfile.write(tmp_path / "short.wav", noise(800), 16_000)
    good = ["stereo.wav", "short.wav"]
    *errors, stereo, short = predicted(run, *(tmp_path / name for name in (*UNREADABLE, *good)))
    for (name, (_, expected)), error in zip(UNREADABLE.items(), errors, strict=True):
        assert isinstance(error, DataError)
        assert str(error).startswith(str(tmp_path / name))
        assert len(str(error).splitlines()) == 1
        with pytest.raises(DataError, match=expected):
            raise error
    for row in (stereo, short):
        assert set(row["text"]) <= set(SPEC["characters"])
        assert np.isfinite(row["log_probability"])


def long_recording(path):
    """34 s with a pause around 15 s."""
    samples = noise(34 * 16_000)
    samples[round(14.8 * 16_000) : round(15.2 * 16_000)] = 0
    soundfile.write(path, samples, 16_000)


def test_a_long_file_is_answered_in_pieces_few_at_a_time(exported, run, tmp_path, monkeypatch):
    monkeypatch.setattr(pauses, "LONGEST", 3 * 16_000)
    monkeypatch.setattr(predicting, "ROWS", 4)
    long_recording(tmp_path / "long.wav")
    inputs = serve.read(SETTINGS, SPEC, tmp_path / "long.wav")
    assert inputs["waveforms"].shape[1] <= 48_000 and len(inputs["lengths"]) > 11
    pieces = [row[None, :length] for row, length in zip(inputs["waveforms"], inputs["lengths"], strict=True)]
    alone = [exported[1]["waveform"](waveforms=tf.constant(p), lengths=tf.constant([p.shape[1]])) for p in pieces]
    [row] = predicted(run, tmp_path / "long.wav")
    assert row["text"] == " ".join(filter(None, (answer["text_beam"][0].numpy().decode() for answer in alone)))
    assert row["log_probability"] == pytest.approx(sum(float(a["log_probability"][0]) for a in alone), abs=1e-2)


def test_the_silent_pieces_of_a_long_file_are_left_out(tmp_path):
    samples = noise(60 * 16_000)
    samples[15 * 16_000 : 45 * 16_000] = 0
    soundfile.write(tmp_path / "long.wav", samples, 16_000)
    inputs = serve.read(SETTINGS, SPEC, tmp_path / "long.wav")
    kept = sum(inputs["lengths"]) / 16_000
    assert 30 <= kept < 50
    assert np.abs(inputs["waveforms"]).max(axis=1).min() > 0.1


def test_a_file_of_many_hours_stays_on_the_disk_and_is_answered_alike(exported, run, tmp_path, monkeypatch):
    monkeypatch.setattr(pauses, "LONGEST", 3 * 16_000)
    monkeypatch.setattr(predicting, "ROWS", 4)
    monkeypatch.setattr(serve, "_cut", serve._cut.__wrapped__)
    long_recording(tmp_path / "long.wav")
    [expected] = predicted(run, tmp_path / "long.wav")
    monkeypatch.setattr(long_audio, "LONGEST", 30)
    inputs = serve.read(SETTINGS, SPEC, tmp_path / "long.wav")
    assert not isinstance(inputs["waveforms"], np.ndarray)
    assert inputs["waveforms"][4:8].shape == (4, inputs["lengths"].max())
    [row] = predicted(run, tmp_path / "long.wav")
    assert row["text"] == expected["text"]
    assert row["log_probability"] == pytest.approx(expected["log_probability"], abs=1e-2)


def test_words_of_a_long_file_have_the_times_of_the_whole_file(tmp_path):
    long_recording(tmp_path / "long.wav")
    path = np.full((2, 500), 4)
    path[0, 100], path[1, 50] = 1, 2  # a after 4 s, b two seconds after the pause
    values = np.log((1 - 5e-9) * np.eye(5)[path] + 1e-9)
    outputs = {
        "text": np.array([b"a", b"b"], object),
        "text_beam": np.array([b"a", b""], object),
        "log_probability": np.array([-1.5, -2.0], np.float32),
        "log_probabilities": values,
        "frames": np.array([375, 450], np.int32),
    }
    arpa = format_arpa(kneser_ney.train([["a", "b"], ["b"]], 2))
    decoding = '{"unit": "word", "alpha": 0.1, "beta": 0.0, "known_words_only": true}'
    spec = {**SPEC, "tuned": {"language_model.arpa": arpa, "decoding.json": decoding}}
    row = serve.answer(SETTINGS, spec, tmp_path / "long.wav", outputs, tmp_path)
    assert (row["text"], row["text_best_path"], row["log_probability"]) == ("a", "a b", -3.5)
    assert row["text_with_language_model"] == "a b"
    first, second = row["words"]
    assert (first["word"], first["start"]) == ("a", pytest.approx(4.0, abs=0.01))
    assert (second["word"], second["start"]) == ("b", pytest.approx(17.0, abs=0.1))
