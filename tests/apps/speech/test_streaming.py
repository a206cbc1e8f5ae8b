"""Sound in chunks gives what the whole recording gives."""

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from apps.speech import models, stream_command
from apps.speech.config import Blstm, Config, DeepSpeech2, FeaturesConfig
from apps.speech.presets import PRESETS
from apps.speech.streaming import Stream, Writer, check, latency, reach
from datasets.errors import DataError
from harness import runs
from harness.settings import to_dict

SPEC = {"characters": list(" abc")}
CONFIG = Config(
    features=FeaturesConfig(bins=20, normalization="running", mix_share=0.2),
    model=DeepSpeech2(
        filters=(4, 6), kernel_frames=(7, 5), kernel_bins=(5, 3), units=8, layers=3, connected=8, bidirectional=False,
        cell="lstm", future=3, intermediate_loss=True,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    """With weights and moving averages far from those of the start, so that every frame answers differently."""
    keras.utils.set_random_seed(0)
    model = models.build(CONFIG, SPEC)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        for variable in layer.weights:
            moved = 0.4 * generator.standard_normal(variable.shape)
            variable.assign(variable + (np.abs(moved) if "variance" in variable.path else moved))
    logits = model({"waveforms": sound(32_000)[None], "lengths": np.array([32_000])})["logits"]
    model.get_layer("logits").bias.assign_sub(tf.reduce_mean(logits, axis=[0, 1]))  # so that every class has its frames
    return model


def sound(count):
    generator = np.random.default_rng(1)
    loudness = 0.02 + 0.3 * np.abs(np.sin(np.arange(count) / 3000))
    return (loudness * generator.standard_normal(count)).clip(-1, 1).astype(np.float32)


def whole(model, samples):
    outputs = model({"waveforms": tf.constant(samples[None]), "lengths": tf.constant([len(samples)])})
    return tf.nn.log_softmax(outputs["logits"])[0, : int(outputs["frames"][0])].numpy()


@pytest.mark.parametrize("chunk", [160, 1111, 40_000])
def test_chunks_equal_the_whole_recording(model, chunk):
    samples, stream = sound(24_321), Stream(CONFIG, SPEC, model)
    answers = [stream.accept(samples[start : start + chunk]) for start in range(0, len(samples), chunk)]
    found, expected = np.concatenate([*answers, stream.finish()]), whole(model, samples)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert len(set(expected.argmax(-1))) > 2  # it has something to say
    writer, together = Writer(SPEC["characters"], 0.04), Writer(SPEC["characters"], 0.04)
    for answer in [*answers, found[len(np.concatenate(answers)) :]]:
        writer.write(answer)
    together.write(expected)
    assert writer.text == together.text


def test_cepstra_stream():
    config = dataclasses.replace(CONFIG, features=dataclasses.replace(CONFIG.features, cepstra=13))
    check(config)
    keras.utils.set_random_seed(0)
    cepstral, samples = models.build(config, SPEC), sound(24_321)
    stream = Stream(config, SPEC, cepstral)
    answers = [stream.accept(samples[start : start + 1111]) for start in range(0, len(samples), 1111)]
    np.testing.assert_allclose(np.concatenate([*answers, stream.finish()]), whole(cepstral, samples), atol=1e-4)


def test_a_warm_up_compiles_what_sounds_need_and_leaves_no_trace(model):
    samples, stream = sound(24_000), Stream(CONFIG, SPEC, model)
    stream.warm_up(2560)
    functions = (stream._hear_frames, stream._convolve, stream._recur, stream._answer)
    compiled = [function.experimental_get_tracing_count() for function in functions]
    answers = [stream.accept(samples[start : start + 2560]) for start in range(0, len(samples), 2560)]
    assert [function.experimental_get_tracing_count() for function in functions] == compiled
    np.testing.assert_allclose(np.concatenate([*answers, stream.finish()]), whole(model, samples), atol=1e-4)


@pytest.mark.parametrize("count", [0, 399, 400, 2000])
def test_short_recordings(model, count):
    stream = Stream(CONFIG, SPEC, model)
    found = np.concatenate([stream.accept(sound(count)), stream.finish()])
    assert len(found) == models.frames(CONFIG, count)
    if count >= 400:
        np.testing.assert_allclose(found, whole(model, sound(count)), atol=1e-4)


def test_no_answer_waits_longer_than_the_stated_latency(model):
    """Frame j stands for the sound from j times 40 ms on."""
    samples, chunk, stream = sound(32_000), 1600, Stream(CONFIG, SPEC, model)
    bound, given = latency(CONFIG, chunk / 16_000), 0
    for end in range(chunk, len(samples) + 1, chunk):
        given += len(stream.accept(samples[end - chunk : end]))
        assert given * 0.04 > end / 16_000 - bound
    assert bound == pytest.approx(0.1 + 0.025 + 0.01 * reach(CONFIG.model) + 3 * 0.04)
    assert reach(CONFIG.model) == 3 + 2 * 2


def test_the_preset_hears_within_half_a_second():
    config = PRESETS[stream_command.PRESET].config
    check(config)
    assert latency(config, stream_command.CHUNK_MILLISECONDS / 1000) <= 0.5


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), "not a unidirectional"),
        (Config(model=DeepSpeech2()), "not a unidirectional"),
        (Config(model=DeepSpeech2(bidirectional=False)), "normalization utterance"),
        (
            Config(features=FeaturesConfig(normalization="running", deltas=1), model=DeepSpeech2(bidirectional=False)),
            "deltas",
        ),
    ],
)
def test_what_cannot_stream_says_why(config, expected):
    with pytest.raises(DataError, match=expected):
        Stream(config, SPEC, None)


def test_no_two_spaces_follow_each_other():
    writer = Writer(list(" ab"), frame_seconds=0.01)
    writer.write(np.eye(4)[[0, 3, 1, 3, 0, 3, 0, 0, 2, 0]])
    assert writer.text == "a b "
    assert writer.piece == "a b"


def test_pieces_end_where_somebody_pauses():
    writer = Writer(list("ab"), frame_seconds=0.2)
    labels = [2, 0, 0, 2, 0, 1, 2, 2, 2, 2, 2, 2, 2, 1, 2]
    frames = np.eye(3)[labels]
    assert writer.write(frames[:7]) == []
    assert writer.piece == "aab"
    assert writer.write(frames[7:]) == ["aab"]
    assert writer.piece == "b"
    assert writer.end() == "b"
    assert writer.text == "aabb"


@pytest.fixture
def run(model, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"app": "speech", "preset": "x", "config": to_dict(CONFIG)}))
    (folder / "spec.json").write_text(json.dumps(SPEC))
    model.save(folder / "model.keras")
    return folder


def test_the_command_answers_alike_for_a_file_and_for_stdin(model, run, tmp_path, capsys, monkeypatch):
    samples = np.round(32767 * sound(20_000)).astype("<i2")
    soundfile.write(tmp_path / "speech.wav", samples, 16_000)
    assert stream_command.main([str(tmp_path / "speech.wav"), "--model", str(run), "--json"]) == 0
    answered = capsys.readouterr()
    rows = [json.loads(line) for line in answered.out.splitlines()]
    expected = Writer(SPEC["characters"], 0.04)
    expected.write(whole(model, samples.astype(np.float32) / 32768))
    assert "".join(row["final"] for row in rows if "final" in row).replace(" ", "") == expected.text.replace(" ", "")
    assert any("partial" in row for row in rows)
    assert "latency at most" in answered.err
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(samples.tobytes())))
    assert stream_command.main(["-", "--model", str(run), "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


@pytest.mark.parametrize(("count", "said"), [(1, "0 ms"), (160, "10 ms"), (399, "25 ms")])
def test_a_recording_shorter_than_a_window_is_named(run, count, said, tmp_path, capsys, monkeypatch):
    samples = np.full(count, 100, "<i2")
    soundfile.write(tmp_path / "short.wav", samples, 16_000)
    assert stream_command.main([str(tmp_path / "short.wav"), "--model", str(run)]) == 1
    answered = capsys.readouterr()
    assert answered.out == ""
    assert answered.err == f"speech: {tmp_path / 'short.wav'}: {said} of sound, too short to hold speech\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(samples.tobytes())))
    assert stream_command.main(["-", "--model", str(run)]) == 1
    assert capsys.readouterr().err == f"speech: stdin: {said} of sound, too short to hold speech\n"


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF", "NIST"])
def test_a_sound_file_on_stdin_is_not_taken_for_samples(run, kind, capsys, monkeypatch):
    file = io.BytesIO()
    soundfile.write(file, sound(20_000), 16_000, format=kind)
    file.seek(0)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=file))
    assert stream_command.main(["-", "--model", str(run)]) == 1
    answered = capsys.readouterr()
    assert answered.out == "" and len(answered.err.splitlines()) == 1
    assert "stdin: the beginning of a sound file; expected raw 16-bit" in answered.err and "by its name" in answered.err


def test_tensorflow_starts_without_a_word(run, tmp_path):
    soundfile.write(tmp_path / "speech.wav", sound(8000), 16_000)
    command = [sys.executable, "-m", "apps.speech", "stream", str(tmp_path / "speech.wav"), "--model", str(run)]
    answer = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert answer.returncode == 0
    assert [line.split(" at most ")[0] for line in answer.stderr.splitlines()] == ["speech: latency"]


def test_the_command_names_what_is_wrong(run, tmp_path, capsys, monkeypatch):
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("this is text, renamed\n" * 50)
    for name, said in (("absent", "no such file"), ("empty", "an empty file"), ("text", "expected WAV, FLAC")):
        assert stream_command.main([str(tmp_path / f"{name}.wav"), "--model", str(run)]) == 1
        answered = capsys.readouterr()
        assert answered.out == "" and len(answered.err.splitlines()) == 1
        assert f"{name}.wav" in answered.err and said in answered.err
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\0")))
    assert stream_command.main(["-", "--model", str(run)]) == 1
    assert "no sound came" in capsys.readouterr().err
    assert stream_command.main(["x.wav", "--model", str(tmp_path)]) == 1
    assert "no run there" in capsys.readouterr().err
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    assert stream_command.main(["x.wav"]) == 1
    assert "has not been trained yet" in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    config["config"]["model"] = to_dict(Config(model=Blstm()))["model"]
    (run / "config.json").write_text(json.dumps(config))
    assert stream_command.main(["x.wav", "--model", str(run)]) == 1
    assert "cannot stream" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        stream_command.main(["x.wav", "--chunk-milliseconds", "1"])
    assert stop.value.code == 2
