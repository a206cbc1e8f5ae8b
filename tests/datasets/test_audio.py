"""Recordings of every encoding and rate, damaged ones, and manifests of recordings and texts."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import audio
from datasets.audio import read_audio, read_manifest
from datasets.errors import DataError

STORED = Path(os.environ.get("DATASETS_DIR", "/nonexistent"))
TIME = np.arange(16_000) / 16_000
TONE = 0.5 * np.sin(2 * np.pi * 440 * TIME)


@pytest.mark.parametrize(
    ("kind", "encoding", "ending", "error"),
    [
        ("WAV", "PCM_U8", "wav", 1 / 127),
        ("WAV", "PCM_16", "wav", 1 / 32767),
        ("WAV", "PCM_24", "wav", 1e-6),
        ("WAV", "PCM_32", "wav", 1e-6),
        ("WAV", "FLOAT", "wav", 1e-6),
        ("WAV", "DOUBLE", "wav", 1e-6),
        ("WAV", "ULAW", "wav", 0.02),
        ("WAV", "ALAW", "wav", 0.02),
        ("WAVEX", "PCM_16", "wav", 1 / 32767),
        ("RF64", "PCM_16", "wav", 1 / 32767),
        ("FLAC", "PCM_16", "flac", 1 / 32767),
        ("OGG", "VORBIS", "ogg", 0.05),
        ("AIFF", "PCM_16", "aiff", 1 / 32767),
        ("NIST", "PCM_16", "sph", 1 / 32767),
        ("AU", "PCM_16", "au", 1 / 32767),
    ],
)
class TestEncoding:
    def written(self, folder, kind, encoding, ending):
        soundfile.write(folder / f"a.{ending}", TONE, 16_000, format=kind, subtype=encoding)
        return folder / f"a.{ending}"

    def test_is_read(self, tmp_path, kind, encoding, ending, error):
        read = read_audio(self.written(tmp_path, kind, encoding, ending))
        assert read.dtype == np.float32 and read.shape == (16_000,)
        assert np.abs(read - TONE).max() <= error

    @pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
    def test_truncated_is_answered(self, tmp_path, kind, encoding, ending, error, share):
        path = self.written(tmp_path, kind, encoding, ending)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(DataError, match=rf"a\.{ending}: "):
            read_audio(path)


def test_a_header_that_counts_itself_is_no_truncation(tmp_path):
    """Some writers put the size of the whole file into the RIFF header, 8 bytes too many."""
    soundfile.write(tmp_path / "a.wav", TONE, 16_000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = len(content).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_audio(tmp_path / "a.wav")) == len(TONE)


def test_equals_the_standard_library_and_scipy(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32768, 1000).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), samples / np.float32(32768))
    scipy.io.wavfile.write(tmp_path / "b.wav", 16_000, samples.astype(np.float32) / 32768)
    np.testing.assert_array_equal(read_audio(tmp_path / "b.wav"), samples / np.float32(32768))


def sphere(samples: np.ndarray, order: str) -> bytes:
    """A SPHERE file put together by the format's description."""
    lines = ["NIST_1A", "   1024", f"sample_count -i {len(samples)}", "sample_n_bytes -i 2", "channel_count -i 1"]
    lines += [f"sample_byte_format -s2 {order}", "sample_rate -i 16000", "sample_coding -s3 pcm", "end_head"]
    kind = "<i2" if order == "01" else ">i2"
    return "\n".join(lines).encode().ljust(1024, b" ") + samples.astype(kind).tobytes()


@pytest.mark.parametrize("order", ["01", "10"])
def test_sphere_of_both_byte_orders(tmp_path, order):
    samples = np.array([1, -2, 300, -32768, 32767])
    (tmp_path / "a.sph").write_bytes(sphere(samples, order))
    np.testing.assert_array_equal(read_audio(tmp_path / "a.sph"), samples / np.float32(32768))
    (tmp_path / "a.sph").write_bytes(sphere(samples, order)[:-2])
    with pytest.raises(DataError, match="truncated"):
        read_audio(tmp_path / "a.sph")


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, -TONE / 2, np.zeros_like(TONE)], axis=1), 16_000)
    assert np.abs(read_audio(tmp_path / "a.wav") - TONE / 6).max() < 1e-4


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_other_rates_are_resampled(tmp_path, rate):
    time = np.arange(rate) / rate
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * time), rate, subtype="FLOAT")
    read = read_audio(tmp_path / "a.wav")
    assert abs(len(read) - 16_000) <= 1
    assert np.abs(read[500:15_500] - TONE[500:15_500]).max() < 1e-3  # The edges ring.


def test_what_the_lower_rate_cannot_hold_is_filtered_out(tmp_path):
    time = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 11_000 * time), 48_000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")[500:-500]).max() < 1e-3
    assert np.abs(read_audio(tmp_path / "a.wav", 48_000)).max() > 0.49


def test_samples_a_little_beyond_one_are_clipped_and_far_beyond_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", 3 * TONE, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), np.clip(3 * TONE, -1, 1), atol=1e-6)
    soundfile.write(tmp_path / "a.wav", 32767 * TONE, 16_000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"samples up to 16383\.5, expected -1 to 1"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_answered(tmp_path, value):
    samples = TONE.copy()
    samples[7] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="DOUBLE")
    with pytest.raises(DataError, match=r"a\.wav: holds samples that are not finite"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"this is text\n" * 100, "Format not recognised"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "Format not recognised"),
    ],
)
def test_other_files_with_an_audio_ending_are_answered(tmp_path, content, message):
    for ending in audio.FILE_TYPES:
        (tmp_path / f"a{ending}").write_bytes(content)
        with pytest.raises(DataError, match=rf"a\{ending}: not a recording that can be read \({message}"):
            read_audio(tmp_path / f"a{ending}")


def test_missing_files_and_recordings_without_samples_are_answered(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(DataError, match="there is no such file"):
            read_audio(path)
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16_000)
    with pytest.raises(DataError, match="a recording without samples"):
        read_audio(tmp_path / "a.wav")


def test_length_and_rate_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "LONGEST", 0.5)
    soundfile.write(tmp_path / "a.wav", TONE, 16_000)
    with pytest.raises(DataError, match=r"a\.wav: .* minutes, at most .* cut it"):
        read_audio(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", TONE[:10], 2)
    with pytest.raises(DataError, match=r"a\.wav: 2 Hz, expected 1,000 to 768,000"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("whole", "samples"),
    [(0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000)],  # the second by SoX into a pipe
)
def test_a_stream_that_did_not_know_its_length_is_read(tmp_path, whole, samples):
    soundfile.write(tmp_path / "a.wav", TONE, 16_000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8], content[40:44] = struct.pack("<I", whole), struct.pack("<I", samples)
    (tmp_path / "a.wav").write_bytes(content)
    assert read_audio(tmp_path / "a.wav").shape == (16_000,)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF", "NIST", "AU"])
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(0, 1100), min_size=1, max_size=5), value=st.integers(0, 255))
def test_damage_is_answered_by_samples_or_a_data_error(tmp_path_factory, kind, places, value):
    stream = io.BytesIO()
    soundfile.write(stream, TONE[:800], 16_000, format=kind, subtype="PCM_16")
    content = bytearray(stream.getvalue())
    for place in places:
        content[place % len(content)] = value
    path = tmp_path_factory.mktemp("damaged") / "a.audio"
    path.write_bytes(content)
    try:
        read = read_audio(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert read.dtype == np.float32 and read.ndim == 1 and len(read) and np.abs(read).max() <= 1


@pytest.fixture
def recordings(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("1.wav", "deep/2.wav"):
        soundfile.write(tmp_path / name, TONE[:100], 16_000)
    return tmp_path


def manifest(folder: Path, text: str, ending: str = "csv") -> Path:
    (folder / f"m.{ending}").write_bytes(text.encode())
    return folder / f"m.{ending}"


def test_csv_with_speakers_and_splits(recordings):
    text = '\ufeffspeaker,path,text,split\nann,1.wav, hello there ,train\n,deep/2.wav,"one, two",test\n'
    rows, left_out = read_manifest(manifest(recordings, text))
    assert rows[0] == ("1.wav", recordings / "1.wav", "hello there", "ann", "train")
    assert rows[1] == ("deep/2.wav", recordings / "deep/2.wav", "one, two", None, "test")
    assert left_out == []


def test_csv_without_speakers_and_with_absolute_paths(recordings):
    rows, _ = read_manifest(manifest(recordings, f"path,text\n{recordings / '1.wav'},hello\n"))
    assert rows == [(str(recordings / "1.wav"), recordings / "1.wav", "hello", None, None)]


def test_json_lines(recordings):
    lines = [
        {"path": "1.wav", "text": "grüß dich", "speaker": 0},
        {"path": "deep/2.wav", "text": None},
        {"path": "1.wav"},
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n"
    rows, left_out = read_manifest(manifest(recordings, text, "jsonl"))
    assert rows == [("1.wav", recordings / "1.wav", "grüß dich", "0", None)]
    assert left_out == [("deep/2.wav", "missing transcript"), ("1.wav", "missing transcript")]


def test_what_is_left_out_is_named_with_its_reason(recordings):
    text = "path,text\n1.wav,hello\nnone.wav,hello\n,hello\ndeep/2.wav,\n1.wav,  \n1.wav\ndeep,hello\n"
    rows, left_out = read_manifest(manifest(recordings, text))
    assert len(rows) == 1
    assert left_out == [
        ("none.wav", "missing file"),
        ("m.csv line 4", "missing path"),
        ("deep/2.wav", "missing transcript"),
        ("1.wav", "missing transcript"),
        ("1.wav", "missing transcript"),
        ("deep", "missing file"),
    ]


@pytest.mark.parametrize(("columns", "rest"), [("path,text", ""), ("path,text,speaker", ",WORLD,ann")])
def test_an_unquoted_comma_shortens_no_transcript(recordings, columns, rest):
    text = f'{columns}\n1.wav,HELLO, WORLD AGAIN{rest}\n\ndeep/2.wav,"HELLO, WORLD"\n'
    rows, left_out = read_manifest(manifest(recordings, text))
    assert [row.text for row in rows] == ["HELLO, WORLD"]
    assert left_out == [("m.csv line 2", "more fields than the header has; quote a text that holds commas")]


def test_empty_fields_beyond_the_header_take_nothing_away(recordings):
    rows, left_out = read_manifest(manifest(recordings, "path,text\n1.wav,hello,, \n"))
    assert [row.text for row in rows] == ["hello"] and not left_out


def test_a_recording_listed_twice_counts_once(recordings):
    (recordings / "link.wav").symlink_to("1.wav")
    shutil.copy(recordings / "1.wav", recordings / "3.wav")
    again = f"deep/../1.wav,b,bob\n{recordings / '1.wav'},c,cid\nlink.wav,d,dan\n"
    text = f"path,text,speaker\n1.wav,,ann\n1.wav,a,ann\n{again}3.wav,e,ann\n"
    rows, left_out = read_manifest(manifest(recordings, text))
    assert [(row.path.name, row.text) for row in rows] == [("1.wav", "a"), ("3.wav", "e")]
    assert left_out == [
        ("1.wav", "missing transcript"),
        *[(name, "listed twice") for name in ("deep/../1.wav", str(recordings / "1.wav"), "link.wav")],
    ]


def test_json_values_that_are_no_strings_are_not_spelt_out(recordings):
    lines = [{"path": "1.wav", "text": "a"}, {"path": "1.wav", "text": ["a", "b"]}, {"path": 7, "text": "a"}]
    lines += [{"path": "1.wav", "text": value} for value in (0, False)]
    rows, left_out = read_manifest(manifest(recordings, "\n".join(map(json.dumps, lines)), "jsonl"))
    assert [row.text for row in rows] == ["a"]
    assert left_out == [
        ("m.jsonl line 2", "text that is not a string"),
        ("m.jsonl line 3", "path that is not a string"),
        ("m.jsonl line 4", "text that is not a string"),
        ("m.jsonl line 5", "text that is not a string"),
    ]


@pytest.mark.parametrize(
    ("text", "ending", "message"),
    [
        ("", "csv", "columns none, expected path and text"),
        ("file,transcript\n1.wav,a\n", "csv", "columns file, transcript, expected path and text"),
        ("path,text\n", "csv", "no usable row .it has none"),
        ("path,text\nx.wav,a\n1.wav,\n", "csv", "no usable row .1 missing file, 1 missing transcript"),
        ("", "jsonl", "columns none"),
        ('{"path": "1.wav", "text": "a"}\n{"path": "1.wav", \n', "jsonl", "line 2: not JSON"),
        ('["1.wav", "a"]\n', "jsonl", "line 1: .* expected an object"),
        ("7\n", "jsonl", "line 1: 7, expected an object"),
        ('{"path": "1.wav"}\n', "jsonl", "columns path, expected path and text"),
    ],
)
def test_manifests_that_cannot_be_used_are_told(recordings, text, ending, message):
    with pytest.raises(DataError, match=rf"m\.{ending}.*{message}"):
        read_manifest(manifest(recordings, text, ending))


def test_a_manifest_that_is_none_is_named(recordings):
    with pytest.raises(DataError, match=r"1\.wav: cannot be read as a manifest|1\.wav: columns"):
        read_manifest(recordings / "1.wav")
    for path in (recordings / "none.csv", recordings):
        with pytest.raises(DataError, match="cannot be read as a manifest"):
            read_manifest(path)


@pytest.mark.skipif(not (STORED / "LibriSpeech").is_dir(), reason="DATASETS_DIR holds no LibriSpeech/")
def test_real_flac_recordings():
    paths = sorted((STORED / "LibriSpeech").rglob("*.flac"))[:3]
    for path in paths:
        read = read_audio(path)
        assert 1 < len(read) / 16_000 < 40 and 0.01 < np.abs(read).max() <= 1


@pytest.mark.skipif(not (STORED / "an4/wav").is_dir(), reason="DATASETS_DIR holds no an4/")
def test_real_sphere_recordings():
    for path in sorted((STORED / "an4/wav").rglob("*.sph"))[::50]:
        samples = np.frombuffer(path.read_bytes()[1024:], "<i2" if b"-s2 01" in path.read_bytes()[:1024] else ">i2")
        np.testing.assert_array_equal(read_audio(path), samples / np.float32(32768))
