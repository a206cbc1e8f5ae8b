"""python -m apps.speech stream FILE: partial and final text while the sound comes in."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

PRESET = "deep-speech-2-streaming-an4"
CHUNK_MILLISECONDS = 160
STDIN = "raw 16-bit little-endian mono PCM at 16 kHz"
SOUND_FILES = (b"RIFF", b"fLaC", b"OggS", b"NIST_1A", b"FORM")
"""First bytes of the files that somebody may send to stdin."""


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code: 0 done, 1 failed (one sentence on stderr), 2 bad usage."""
    options = parser().parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from datasets.errors import DataError
    from harness.commands import without_start_messages

    with without_start_messages():
        import tensorflow  # noqa: F401
    try:
        _transcribe(options)
    except DataError as error:
        print(f"speech: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("speech: interrupted", file=sys.stderr)
        return 1
    return 0


def _milliseconds(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r}, expected 10 to 10000")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Returns what reads the command's words."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.speech stream", description="Writes down a recording while it comes in, chunk by chunk."
    )
    parser.add_argument("file", help=f"a sound file; - for {STDIN} on stdin")
    parser.add_argument("--preset", default=PRESET, help=f"whose run to use (default {PRESET})")
    parser.add_argument("--model", type=Path, help="a run folder instead of the preset's own")
    parser.add_argument(
        "--chunk-milliseconds", type=_milliseconds, default=CHUNK_MILLISECONDS, help="sound to wait for at a time"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines")
    return parser


def _transcribe(options: argparse.Namespace) -> None:
    from apps.speech.app import APP
    from apps.speech.config import Config
    from apps.speech.models import frames, seconds_per_frame
    from apps.speech.models.front_end import SAMPLE_RATE
    from apps.speech.presets import DEFAULT, PRESETS
    from apps.speech.streaming import Stream, Writer, check, latency
    from datasets.errors import DataError
    from harness.command_line import UsageError, parse
    from harness.commands import check_trained
    from harness.session import Session

    chosen = ["--model", str(options.model)] if options.model else ["--preset", options.preset]
    try:
        arguments = parse("speech", Config, PRESETS, DEFAULT, ["evaluate", *chosen])
    except UsageError as error:
        raise DataError(str(error)) from None
    session = Session.open(APP, Config, PRESETS, arguments)
    check_trained(session)
    [target] = session.targets()
    check(session.config)
    chunk = options.chunk_milliseconds * SAMPLE_RATE // 1000
    chunks = _stdin(sys.stdin.buffer, chunk) if options.file == "-" else _file(Path(options.file), chunk)
    stream = Stream(session.config, session.spec(target), session.model(target))
    stream.warm_up(chunk)
    writer = Writer(stream.characters, seconds_per_frame(session.config))
    heard, spent, shown = 0, 0.0, ""
    for samples in chunks:
        start = time.perf_counter()
        ended = writer.write(stream.accept(samples))
        spent += time.perf_counter() - start
        heard += len(samples)
        for piece in ended:
            _print(options.json, "final", piece, heard / SAMPLE_RATE)
        if writer.piece and writer.piece != shown:
            _print(options.json, "partial", writer.piece, heard / SAMPLE_RATE)
        shown = writer.piece
    name = "stdin" if options.file == "-" else options.file
    if not heard:
        raise DataError(f"{name}: no sound came; expected {STDIN}")
    if frames(session.config, heard) < 1:
        raise DataError(f"{name}: {1000 * heard / SAMPLE_RATE:.0f} ms of sound, too short to hold speech")
    for piece in [*writer.write(stream.finish()), writer.end()]:
        if piece:
            _print(options.json, "final", piece, heard / SAMPLE_RATE)
    bound = latency(session.config, chunk / SAMPLE_RATE)
    share = spent / max(1e-9, heard / SAMPLE_RATE)
    print(
        f"speech: latency at most {1000 * bound:.0f} ms of sound; {share:.3f} s of computing per second",
        file=sys.stderr,
    )


def _file(path: Path, chunk: int) -> Iterator[Any]:
    from apps.speech.serve import waveform_of

    waveform = waveform_of(path)
    for start in range(0, len(waveform), chunk):
        yield waveform[start : start + chunk]


def _stdin(stream: BinaryIO, chunk: int) -> Iterator[Any]:
    import numpy as np

    from datasets.errors import DataError

    piece = stream.read(2 * chunk)
    if piece.startswith(SOUND_FILES):
        raise DataError(f"stdin: the beginning of a sound file; expected {STDIN}, and a file by its name: stream FILE")
    while piece:
        yield np.frombuffer(piece[: len(piece) // 2 * 2], "<i2").astype(np.float32) / 32768.0
        piece = stream.read(2 * chunk)


def _print(as_json: bool, kind: str, text: str, seconds: float) -> None:
    if as_json:
        print(json.dumps({"seconds": round(seconds, 2), kind: text}, ensure_ascii=False), flush=True)
    else:
        print(f"{seconds:8.2f} s  {kind:8s}{text}", flush=True)
