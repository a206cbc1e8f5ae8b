"""The SavedModel of the speech app, and how a person's recording becomes its input."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import tensorflow as tf

from apps.speech import pauses
from apps.speech.config import Config
from apps.speech.data import Utterances, lengths_of, padded
from apps.speech.decoding import transcribe
from apps.speech.faults import SILENT_PEAK
from apps.speech.models import frames, seconds_per_frame
from apps.speech.models.front_end import SAMPLE_RATE, window_and_hop
from apps.speech.tuning import tuned_search
from apps.speech.word_times import word_times
from datasets.audio import read_audio
from datasets.errors import DataError
from datasets.long_audio import DiskSamples, is_long, read_onto_disk
from harness import endpoint_inputs
from harness.app import Endpoint

_ANSWER = (
    "text string [n] (best path), text_beam string [n] (beam search), log_probability float32 [n] of text_beam (nats)"
)
POSTERIORS = ("log_probabilities", "frames")
"""Outputs that only some endpoints give."""
_POSTERIORS = "log_probabilities float32 [n, frames, characters + 1] (nats, blank last), frames int32 [n]"


def endpoints(config: Config, spec: dict[str, Any], model: Any) -> list[Endpoint]:
    """Returns waveform (padded samples and lengths) and wav_bytes (16-bit PCM WAV files at 16 kHz), each with the posteriors of every
    frame and without; first waveform_posteriors, which `predict` asks."""
    window, _ = window_and_hop(config.features)
    padded_sound = [
        tf.TensorSpec([None, None], tf.float32, name="waveforms"),
        tf.TensorSpec([None], tf.int32, name="lengths"),
    ]
    wav_files = [tf.TensorSpec([None], tf.string, name="wavs")]

    @tf.function(input_signature=padded_sound)  # one graph that all endpoints call: a copy in each would load longer
    def waveform_posteriors(waveforms: tf.Tensor, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
        waveforms = endpoint_inputs.after(_checks(waveforms, lengths, window), waveforms)
        return transcribe(model, config.decoding, spec["characters"], waveforms, lengths)

    def wav_bytes_posteriors(wavs: tf.Tensor) -> dict[str, tf.Tensor]:
        recordings = tf.map_fn(_decoded, wavs, fn_output_signature=tf.RaggedTensorSpec([None], tf.float32, 0))
        return waveform_posteriors(recordings.to_tensor(), tf.cast(recordings.row_lengths(), tf.int32))

    sound = "waveforms float32 [n, samples]: mono sound in [-1, 1] at 16 kHz, padded at the end; lengths int32 [n]: real samples of each"
    files = "wavs string [n]: the bytes of 16-bit PCM WAV files at 16 kHz"
    more = f"{_ANSWER}, {_POSTERIORS}; characters: {''.join(spec['characters'])!r}"
    return [
        Endpoint("waveform_posteriors", waveform_posteriors, padded_sound, f"{sound} -> {more}"),
        Endpoint("waveform", _texts_of(waveform_posteriors), padded_sound, f"{sound} -> {_ANSWER}"),
        Endpoint("wav_bytes", _texts_of(wav_bytes_posteriors), wav_files, f"{files} -> {_ANSWER}"),
        Endpoint("wav_bytes_posteriors", wav_bytes_posteriors, wav_files, f"{files} -> {more}"),
    ]


def _texts_of(endpoint: Callable[..., dict[str, tf.Tensor]]) -> Callable[..., dict[str, tf.Tensor]]:
    def texts(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: value for name, value in endpoint(*inputs).items() if name not in POSTERIORS}

    return texts


def _checks(waveforms: tf.Tensor, lengths: tf.Tensor, window: int) -> list[tf.Operation]:
    samples = tf.shape(waveforms)[1]
    some = tf.debugging.assert_positive(tf.size(lengths), "expected at least one recording, received none")
    same = tf.debugging.assert_equal(
        tf.shape(waveforms)[0], tf.shape(lengths)[0], "expected one length for each row of waveforms"
    )
    shortest = tf.debugging.assert_greater_equal(
        lengths, window, f"expected at least {window} samples ({1000 * window / SAMPLE_RATE:g} ms) of 16 kHz sound"
    )
    longest = tf.debugging.assert_less_equal(
        lengths, samples, "expected lengths of at most the number of samples in waveforms"
    )
    # also false for NaN
    in_range = tf.debugging.Assert(
        tf.reduce_all(tf.abs(waveforms) <= 1.001), ["expected finite samples in [-1, 1]; divide 16-bit ones by 32768"]
    )
    return [some, same, shortest, longest, in_range]


def _decoded(wav: tf.Tensor) -> tf.Tensor:
    """Returns the samples of a WAV file, its channels averaged."""
    start = tf.strings.join([wav, " " * 12])  # never shorter than what is looked at
    is_wav = tf.debugging.Assert(
        (tf.strings.substr(start, 0, 4) == "RIFF") & (tf.strings.substr(start, 8, 4) == "WAVE"),
        ["expected the bytes of a 16-bit PCM WAV file at 16 kHz; other formats go through `predict`"],
    )
    with tf.control_dependencies([is_wav]):
        sound, rate = tf.audio.decode_wav(wav)
    right_rate = tf.debugging.assert_equal(
        rate, SAMPLE_RATE, f"expected a sample rate of {SAMPLE_RATE} Hz; resample the recording"
    )
    with tf.control_dependencies([right_rate]):
        return tf.reduce_mean(sound, axis=1)


def examples(config: Config, spec: dict[str, Any], split: Utterances) -> dict[str, dict[str, Any]]:
    """Returns four real utterances for each endpoint."""
    samples = split.samples[:4]
    waveforms = padded(samples, 0, np.int16).astype(np.float32) / 32768.0
    wavs = np.array([_wav(row) for row in samples], object)
    sound, files = {"waveforms": waveforms, "lengths": lengths_of(samples)}, {"wavs": wavs}
    return {"waveform_posteriors": sound, "waveform": sound, "wav_bytes": files, "wav_bytes_posteriors": files}


def _wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def read(config: Config, spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """Reads any sound file, mono at 16 kHz, into the first endpoint's input; one of over 20 s in pieces, cut at pauses, the silent
    ones left out.

    Raises:
        DataError: not readable, too short for a single frame, or silent.
    """
    waveform, starts, lengths = _cut(path, _modified(path))
    if frames(config, len(waveform)) < 1:
        raise DataError(f"{path}: {1000 * len(waveform) / SAMPLE_RATE:.0f} ms of sound, too short to hold speech")
    if not starts:
        raise DataError(f"{path}: silent, nothing in it reaches 60 dB below full scale")
    pieces = _Pieces(waveform, starts, lengths)
    return {"waveforms": pieces if isinstance(waveform, DiskSamples) else pieces[:], "lengths": lengths}


def waveform_of(path: Path) -> np.ndarray | DiskSamples:
    """Returns the samples of a recording, float32; those of one of over an hour stay on the disk."""
    return read_onto_disk(path, SAMPLE_RATE) if is_long(path) else read_audio(path, SAMPLE_RATE)


@functools.lru_cache(maxsize=1)
def _cut(path: Path, modified: int) -> tuple[np.ndarray | DiskSamples, list[int], np.ndarray]:
    """Returns a recording, where its pieces start and how long they are, int32, those that are silent left out.

    The answer asks for what the question has read.
    """
    waveform = waveform_of(path)
    starts = pauses.starts(waveform)
    pieces = [
        (start, end - start)
        for start, end in zip(starts, [*starts[1:], len(waveform)], strict=True)
        if end > start and np.abs(waveform[start:end]).max() > SILENT_PEAK / 32768
    ]
    return waveform, [start for start, _ in pieces], np.array([length for _, length in pieces], np.int32)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


class _Pieces:
    """Pieces of a recording, padded to the same length a few at a time, when they are asked for."""

    def __init__(self, waveform: np.ndarray | DiskSamples, starts: list[int], lengths: np.ndarray):
        self._waveform, self._starts, self._lengths = waveform, starts, lengths

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, few: slice) -> np.ndarray:
        rows = [
            self._waveform[start : start + length]
            for start, length in zip(self._starts[few], self._lengths[few], strict=True)
        ]
        return padded(rows, 0, np.float32, int(self._lengths.max()))


def answer(
    config: Config, spec: dict[str, Any], path: Path, outputs: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    """Returns the text of the beam search and of the best path, how probable the former is, and what the tuned language model
    makes of it, with the time in seconds and the confidence of each word."""
    row = {
        "text": _joined(value.decode() for value in outputs["text_beam"]),
        "text_best_path": _joined(value.decode() for value in outputs["text"]),
        "log_probability": round(float(outputs["log_probability"].sum()), 3),
    }
    search = tuned_search(config, spec)
    if search is None:
        return row
    frame_seconds, texts, words = seconds_per_frame(config), [], []
    _, starts, _ = _cut(path, _modified(path))
    for values, count, first in zip(outputs["log_probabilities"], outputs["frames"], starts, strict=True):
        start = first / SAMPLE_RATE
        heard = search(values[:count])[0]
        texts.append(heard.text)
        words += [
            {
                "word": word.text,
                "start": round(start + word.start, 2),
                "end": round(start + word.end, 2),
                "confidence": round(word.confidence, 3),
            }
            for word in word_times(values[:count], heard.labels, spec["characters"], frame_seconds)
        ]
    return {**row, "text_with_language_model": _joined(texts), "words": words}


def _joined(texts: Iterable[str]) -> str:
    return " ".join(text for text in texts if text)
