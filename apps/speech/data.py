"""The speech app's data: AN4, synthetic digit strings, or a person's own manifest."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import tensorflow as tf

from apps.speech import augment, phonemes, text
from apps.speech.config import Config
from apps.speech.faults import EMPTY, UNREADABLE, fault
from apps.speech.models.front_end import SAMPLE_RATE
from datasets import an4, audio, librispeech
from datasets.errors import DataError
from datasets.fetch import sha256_of
from datasets.synthetic import spoken_digits
from harness.app import Prepared, Source
from harness.batching import Plan, bucketed_plan, in_order_plan, index_batches

GPU_SAMPLES = 5120
"""Batches on a GPU are as long as a multiple of this, 0.32 s."""
SECONDS_AT_ONCE = 1200
"""Most sound, padding included, of a batch that is not for training and not a single utterance."""


@dataclass(frozen=True)
class Utterances:
    """Recordings with their transcripts."""

    samples: list[Any]
    """int16 [samples] each, 16 kHz; of large corpora arrays that are read from the disk when they are looked at."""
    texts: list[str]
    """Normalised transcripts."""
    speakers: list[str]
    """Empty where unknown."""
    names: list[str]
    """Of a person's own recordings the path, as the manifest gives it or from the folder."""

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Iterable[int]) -> Utterances:
        """Returns the utterances at `indices`."""
        indices = list(indices)
        columns = (self.samples, self.texts, self.speakers, self.names)
        return Utterances(*([column[i] for i in indices] for column in columns))

    def spread(self, most: int) -> Utterances:
        """Returns at most so many utterances, evenly spread over all of them."""
        return self.subset(sorted({int(place) for place in np.linspace(0, len(self) - 1, min(len(self), most))}))


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it; with the `spec` of a trained model only test utterances, a whole manifest without split column.

    Raises:
        DataError: data that is absent or damaged, or too little to train on; settings of features, model, decoding or augmentation
            that make no sense.
    """
    augment.check(config.data)
    _check_sizes(config)
    if config.data.source not in ("an4", "demo"):
        if config.data.units == "phonemes":
            raise DataError("--data.units phonemes: expected --data an4 or demo, which have a pronouncing dictionary")
        return _librispeech(config, spec) if config.data.source == "librispeech" else _manifest(config, spec)
    prepared = _an4(config) if config.data.source == "an4" else _demo(config)
    if spec is None:
        return prepared
    return dataclasses.replace(prepared, splits={"test": prepared.splits["test"]}, spec=spec)


def _check_sizes(config: Config) -> None:
    """Checks what counts frames, bands and prefixes, and what is a share; models check how their settings
    go together when they are built."""
    features, model = config.features, config.model
    sizes = {
        "--features.bins": [features.bins],
        "--features.window-milliseconds": [features.window_milliseconds],
        "--features.hop-milliseconds": [features.hop_milliseconds],
        "--features.stack-stride": [features.stack_stride],
        "--model.time-strides": getattr(model, "time_strides", ()),
        "--model.strides": getattr(model, "strides", ()),
        "--decoding.beam-width": [config.decoding.beam_width],
    }
    for flag, numbers in sizes.items():
        for number in numbers:
            if number < 1:
                raise DataError(f"{flag} {number:g}: expected 1 or more")
    shares = {
        "--features.mix-share": features.mix_share,
        "--model.ctc-share": getattr(model, "ctc_share", 0.0),
        "--decoding.ctc-share": config.decoding.ctc_share,
    }
    for flag, share in shares.items():
        if not 0 <= share <= 1:
            raise DataError(f"{flag} {share:g}: expected 0 to 1")
    if getattr(model, "filters", None) == ():
        raise DataError("--model.filters without a number: expected one a convolution or stage of convolutions")


def _an4(config: Config) -> Prepared:
    root = an4.folder()
    splits: dict[str, list[an4.Utterance]] = {"train": [], "validation": [], "test": an4.read_list(root, "test")}
    held_out = set(config.data.validation_speakers)
    for utterance in an4.read_list(root, "train"):
        splits["validation" if utterance.speaker in held_out else "train"].append(utterance)
    unknown = held_out - {utterance.speaker for utterance in splits["validation"]}
    if unknown:
        raise DataError(f"AN4 has no training speaker {', '.join(sorted(unknown))}; correct --data.validation-speakers")
    dictionary = an4.pronunciations(root) if config.data.units == "phonemes" else {}
    written = _written(config, dictionary, "AN4's etc/an4.dic")
    left_out: list[tuple[str, str]] = []
    read = {name: _read_an4(listed, name, written, left_out) for name, listed in splits.items()}
    note = f"Validation: every utterance of the training speakers {', '.join(sorted(held_out))}, who never train."
    source = Source("CMU AN4", an4.digest(root), notice=an4.NOTICE)
    return _prepared(config, read, source, left_out, _notes(config, note))


def _read_an4(
    listed: Sequence[an4.Utterance], split: str, written: Callable[[str], str], left_out: list[tuple[str, str]]
) -> Utterances:
    """Leaves out what cannot be read."""
    kept, samples = [], []
    for utterance in listed:
        try:
            samples.append(an4.read_samples(utterance))
        except DataError as error:
            left_out.append((utterance.name, f"{split}, {UNREADABLE}: {error}"))
        else:
            kept.append(utterance)
    return Utterances(samples, [written(u.text) for u in kept], [u.speaker for u in kept], [u.name for u in kept])


def _written(config: Config, dictionary: Mapping[str, Sequence[Sequence[str]]], source: str) -> Callable[[str], str]:
    """Returns what makes of a transcript the text to learn."""
    if config.data.units == "characters":
        return text.normalised

    def written(transcript: str) -> str:
        try:
            return phonemes.pronounced(transcript, dictionary)
        except ValueError as error:
            raise DataError(f"{source}: {error}; correct the dictionary, or train on characters") from None

    return written


def _notes(config: Config, note: str) -> list[str]:
    if config.data.units == "characters":
        return [note]
    return [note, "Transcripts are phonemes in one-letter ARPAbet; errors in words are errors in their pronunciation."]


def _demo(config: Config) -> Prepared:
    speakers = spoken_digits.speakers()
    order = np.random.default_rng(config.data.seed).permutation(len(speakers))
    groups = {"train": order[12:], "validation": order[:6], "test": order[6:12]}
    dictionary = {word: [p.split() for p in listed] for word, listed in spoken_digits.PRONUNCIATIONS.items()}
    written = _written(config, dictionary, "the synthetic digits' dictionary")
    read, digest = {}, hashlib.sha256()
    for (name, chosen), count in zip(groups.items(), (900, 100, 200), strict=True):
        seed = config.data.seed * 3 + len(read)
        made = spoken_digits.spoken_digits(count, seed, speakers=[speakers[i] for i in chosen])
        columns = [u.samples for u in made], [written(u.text) for u in made], [u.speaker for u in made]
        read[name] = Utterances(*columns, [f"{name}-{i:04d}" for i in range(count)])
        for samples in columns[0]:
            digest.update(samples.tobytes())
    notice = f"Spoken by eSpeak NG (GPL-3.0) through espeakng-loader; {len(speakers) - 12} synthetic voices train, 6 validate, 6 test"
    source = Source("synthetic digit strings (eSpeak NG)", digest.hexdigest(), synthetic=True, notice=notice)
    return _prepared(config, read, source, [], _notes(config, "Every utterance is synthetic."))


def _librispeech(config: Config, spec: dict[str, Any] | None) -> Prepared:
    """Train-, dev- and test-subsets make the splits; where only one kind is there, speakers are drawn as from a manifest."""
    root = librispeech.folder()
    kinds = {"trai": "train", "dev-": "validation", "test": "test"}
    places, listed, left_out = [], [], []
    for subset in librispeech.subsets(root):
        found, missing = librispeech.read_subset(root, subset)
        places += [kinds[subset[:4]]] * len(found)
        listed += found
        left_out += missing
    everything = Utterances(
        [u.samples for u in listed],
        [text.normalised(u.text) for u in listed],
        [u.speaker for u in listed],
        [u.name for u in listed],
    )
    source = Source(
        f"LibriSpeech ({', '.join(librispeech.subsets(root))})", librispeech.digest(listed), notice=librispeech.NOTICE
    )
    if spec is not None:
        marked = [i for i, place in enumerate(places) if place == "test"]
        return _only_test(config, everything.subset(marked or range(len(listed))), spec, source, left_out)
    if set(places) == set(kinds.values()):
        chosen, note = np.array(places), "Split by the corpus: train-, dev- and test-subsets."
    else:
        chosen, note = _drawn(everything.speakers, config, root)
    read = {name: everything.subset(np.flatnonzero(chosen == name)) for name in kinds.values()}
    return _prepared(config, read, source, left_out, [note])


def _manifest(config: Config, spec: dict[str, Any] | None) -> Prepared:
    path = Path(config.data.source)
    rows, left_out = audio.read_folder(path) if path.is_dir() else audio.read_manifest(path)
    kept, columns = [], ([], [], [], [])
    for row in rows:
        transcript = text.normalised(row.text)
        if not transcript:
            left_out.append((row.name, EMPTY))
            continue
        try:
            waveform = audio.read_audio(row.path, SAMPLE_RATE)
        except DataError as error:
            left_out.append((row.name, f"{UNREADABLE}: {error}"))
            continue
        samples = np.round(32767 * np.clip(waveform, -1, 1)).astype(np.int16)
        for column, value in zip(columns, (samples, transcript, row.speaker or "", row.name), strict=True):
            column.append(value)
        kept.append(row)
    _fail_if_asked(config, left_out)
    if not kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in _counted(left_out).items())
        raise DataError(
            f"{path}: none of its {len(rows)} rows can be used ({reasons}); expected WAV, FLAC, OGG, AIFF or SPHERE files"
        )
    everything = Utterances(*columns)
    transcripts = [row.path.with_suffix(".txt") for row in kept] if path.is_dir() else [path]
    source = Source(path.resolve().name, sha256_of([*transcripts, *(row.path for row in kept)]))
    if spec is not None:
        marked = [i for i, row in enumerate(kept) if row.split == "test"]
        return _only_test(config, everything.subset(marked or range(len(kept))), spec, source, left_out)
    if any(row.split for row in kept):
        places, note = _marked([row.split for row in kept], path), "Split by the manifest's split column."
    else:
        places, note = _drawn(everything.speakers, config, path)
    read = {name: everything.subset(np.flatnonzero(places == name)) for name in ("train", "validation", "test")}
    return _prepared(config, read, source, left_out, [note])


def _counted(left_out: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Returns how many were left out for each reason; what follows a colon is the single file's own."""
    return dict(Counter(reason.partition(": ")[0] for _, reason in left_out))


def _fail_if_asked(config: Config, left_out: Sequence[tuple[str, str]]) -> None:
    if config.data.unusable == "fail" and left_out:
        name, reason = left_out[0]
        others = f" ({len(left_out)} in all)" if len(left_out) > 1 else ""
        raise DataError(f"{name}: {reason}{others}; mend it, or pass --data.unusable skip")


def _marked(splits: Sequence[str | None], path: Path) -> np.ndarray:
    wrong = sorted({str(split) for split in splits} - {"train", "validation", "test"})
    if wrong:
        raise DataError(
            f"{path}: split column says {', '.join(wrong)}; expected train, validation or test in every row"
        )
    return np.array(splits)


def _drawn(speakers: Sequence[str], config: Config, path: Path) -> tuple[np.ndarray, str]:
    """Returns the split's name of each utterance, and how it was drawn: by speaker, or by utterance where those are too few or unknown."""
    known = len(set(speakers)) if all(speakers) else 0
    groups = np.array(speakers)
    note = "Split by speaker: nobody is on two sides."
    if known < 3:
        groups = np.arange(len(speakers)).astype(str)
        why = "there are fewer than three speakers" if known else "not every row names its speaker"
        note = f"Split by utterance, since {why}: the same voice may be on both sides."
    names = np.unique(groups)
    held = min(max(1, round(config.data.validation_fraction * len(names))), (len(names) - 1) // 2)
    if held < 1:
        raise DataError(
            f"{path}: {len(names)} utterances cannot be split into train, validation and test; "
            "add recordings or a split column"
        )
    order = np.random.default_rng(config.data.seed).permutation(names)
    place = {name: "validation" if i < held else "test" if i < 2 * held else "train" for i, name in enumerate(order)}
    return np.array([place[group] for group in groups]), note


def _only_test(
    config: Config, test: Utterances, spec: dict[str, Any], source: Source, left_out: Sequence[tuple[str, str]]
) -> Prepared:
    """Returns what a trained model is evaluated on."""
    left_out, notes = list(left_out), []
    test = _testable(config, test, left_out, notes)
    _fail_if_asked(config, left_out)
    if not len(test):
        raise DataError(f"{source.name}: no utterance is left to test; left out: {_counted(left_out)}")
    notes += _unknown_characters("test", test, spec["characters"])
    return Prepared({"test": test}, spec, source, _counted(left_out), notes, left_out)


def _prepared(
    config: Config, read: dict[str, Utterances], source: Source, left_out: Sequence[tuple[str, str]], notes: list[str]
) -> Prepared:
    read, left_out = dict(read), list(left_out)
    for name in ("train", "validation"):
        read[name] = _usable(config, read[name], name, left_out)
    read["test"] = _testable(config, read["test"], left_out, notes)
    _fail_if_asked(config, left_out)
    if config.data.limit and config.data.limit < len(read["train"]):
        order = np.random.default_rng(config.data.seed).permutation(len(read["train"]))
        read["train"] = read["train"].subset(np.sort(order[: config.data.limit]))
    if not len(read["train"]):
        raise DataError(f"{source.name}: no utterance is left to train on; left out: {_counted(left_out)}")
    characters = text.alphabet(read["train"].texts)
    for name in ("validation", "test"):
        notes += _unknown_characters(name, read[name], characters)
    validation = read["validation"]
    known = [i for i, transcript in enumerate(validation.texts) if text.labels(transcript, characters)]
    left_out += [
        (validation.names[i], "validation, no character that training shows")
        for i in set(range(len(validation))) - set(known)
    ]
    read["validation"] = validation.subset(known)
    return Prepared(read, {"characters": characters}, source, _counted(left_out), notes, left_out)


def _unknown_characters(name: str, split: Utterances, characters: Sequence[str]) -> list[str]:
    unknown = sorted(set("".join(split.texts)) - set(characters))
    if not unknown:
        return []
    where = [split.names[i] for i, transcript in enumerate(split.texts) if not set(unknown).isdisjoint(transcript)]
    return [
        f"The {name} transcripts hold characters that training never shows: {' '.join(unknown)} (in {_first(where)})."
    ]


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _usable(config: Config, utterances: Utterances, split: str, left_out: list[tuple[str, str]]) -> Utterances:
    """Leaves out what serves no training."""
    fastest = max(config.data.speeds) if split == "train" else 1.0
    found = _faults(config, utterances, fastest)
    left_out += [(utterances.names[i], f"{split}, {reason}") for i, reason in enumerate(found) if reason]
    return utterances.subset(i for i, reason in enumerate(found) if not reason)


def _testable(config: Config, test: Utterances, left_out: list[tuple[str, str]], notes: list[str]) -> Utterances:
    """Leaves out what cannot be read or has no transcript; other faults are no reason to be spared a test, and are noted only."""
    kept, faulty = [], {}
    for i, reason in enumerate(_faults(config, test, 1.0)):
        if reason and reason.startswith((UNREADABLE, EMPTY)):
            left_out.append((test.names[i], f"test, {reason}"))
            continue
        kept.append(i)
        if reason:
            faulty.setdefault(reason, []).append(test.names[i])
    notes += [f"Tested all the same ({reason}): {_first(names)}." for reason, names in faulty.items()]
    return test.subset(kept)


def _faults(config: Config, utterances: Utterances, fastest: float) -> list[str | None]:
    rows = zip(utterances.samples, utterances.texts, strict=True)
    return [fault(config, samples, transcript, fastest) for samples, transcript in rows]


def batches(
    config: Config,
    spec: dict[str, Any],
    split: Utterances,
    training: bool,
    first_step: int = 0,
    targets: Sequence[np.ndarray] | None = None,
) -> tf.data.Dataset:
    """Returns ({"waveforms": float32 [batch, samples], "lengths": int32 [batch]}, labels int32 [batch, longest], -1 padded).

    Args:
        targets: int rows, one an utterance, in place of the labels of the transcripts.
    """
    settings = config.training
    if training:
        lengths = np.array([len(samples) for samples in split.samples], float)
        plan = bucketed_plan(lengths, settings.batch_size, settings.seed)
    else:
        plan = _bounded_plan([len(samples) for samples in split.samples], 32)
    if targets is None:
        targets = [text.labels(transcript, spec["characters"]) for transcript in split.texts]
    collate = _collate(config, split, targets, training)

    def gather(indices: tf.Tensor, seed: tf.Tensor):
        kinds = tf.int16, tf.int32, tf.int32
        waveforms, lengths, labels = tf.numpy_function(collate, (indices, seed), kinds, stateful=False)
        waveforms.set_shape([None, None])
        lengths.set_shape([None])
        labels.set_shape([None, None])
        return {"waveforms": tf.cast(waveforms, tf.float32) / 32768.0, "lengths": lengths}, labels

    dataset = index_batches(plan, settings.seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _bounded_plan(lengths: Sequence[int], batch_size: int) -> Plan:
    """Returns `in_order_plan` with those batches cut up that would hold too much sound."""
    batches: list[np.ndarray] = []
    for rows in in_order_plan(len(lengths), batch_size)(0):
        sound = len(rows) * max((lengths[i] for i in rows), default=0)
        pieces = min(len(rows), -(-sound // (SECONDS_AT_ONCE * SAMPLE_RATE)))
        batches += np.array_split(rows, max(1, pieces))
    return lambda epoch: batches


def _collate(config: Config, split: Utterances, targets: Sequence[Sequence[int]], training: bool) -> Callable[..., Any]:
    speeds = config.data.speeds if training else (1.0,)
    # cuDNN plans every convolution anew for each new length: a GPU gets few different ones
    multiple = GPU_SAMPLES if tf.config.list_physical_devices("GPU") else 1

    def collate(indices: np.ndarray, seed: np.ndarray):
        generator = np.random.default_rng(seed)
        chosen = generator.choice(speeds, len(indices))
        samples = [played(split.samples[i], speed) for i, speed in zip(indices, chosen, strict=True)]
        if training:
            samples = [augment.varied(row, config.data, split.samples, generator) for row in samples]
        waveforms = padded(samples, 0, np.int16, multiple)
        return waveforms, lengths_of(samples), padded([targets[i] for i in indices], -1, np.int32)

    return collate


def played(samples: np.ndarray, speed: float) -> np.ndarray:
    """Returns the recording at another speed (and pitch), int16."""
    samples = np.asarray(samples)
    return samples if speed == 1.0 else soxr.resample(samples, speed, 1.0, quality="LQ")


def lengths_of(rows: Sequence[Any]) -> np.ndarray:
    """Returns the length of each row, int32."""
    return np.array([len(row) for row in rows], np.int32)


def padded(rows: Sequence[Any], filling: int, dtype: Any, multiple: int = 1) -> np.ndarray:
    """Returns rows of different lengths as one array [rows, longest], the longest rounded up to a multiple."""
    longest = -(-max(len(row) for row in rows) // multiple) * multiple
    result = np.full((len(rows), longest), filling, dtype)
    for place, row in zip(result, rows, strict=True):
        place[: len(row)] = row
    return result
