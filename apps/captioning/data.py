"""Pictures and captions: reading, splitting, numbering words, batches."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.captioning.config import Config, MobileNetAttention
from apps.captioning.features import cached_features, resize
from apps.captioning.models import build_mobilenet
from apps.captioning.vocabulary import PADDING, encode, make_vocabulary, tokenize
from datasets import captioned_folder, flickr8k
from datasets.errors import DataError
from datasets.fetch import sha256_of
from datasets.pictures import read_picture
from datasets.synthetic import scenes
from harness.app import Prepared, Source
from harness.batching import Plan, bucketed_plan, in_order_plan, index_batches

DEMO_SCENES = {"train": 2400, "validation": 200, "test": 300}
EVALUATION_BATCH = 100
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class CaptionSplit:
    """The pictures of one split with their captions."""

    pictures: Sequence[Path | np.ndarray]
    """Files, or pixels uint8 [height, width, 3]."""
    references: tuple[tuple[str, ...], ...]
    """Captions of every picture, tokenized, words joined by a space."""
    words: np.ndarray = dataclasses.field(repr=False, default=None)
    """int32 [pictures, captions, longest + 2], as `vocabulary.encode` gives it; rows of padding where there are fewer."""
    inputs: np.ndarray = dataclasses.field(repr=False, default=None)
    """Of all pictures of the run: features float16 [pictures, 2, cells, channels], or pixels uint8 [pictures, size, size, 3]."""
    rows: np.ndarray = dataclasses.field(repr=False, default=None)
    """int64 [pictures], where this split's pictures are in `inputs`."""

    def __len__(self) -> int:
        return len(self.references)

    @property
    def input_kind(self) -> str:
        """What the model sees of a picture: "features" of a frozen encoder, or "pictures"."""
        return "features" if self.inputs.dtype == np.float16 else "pictures"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what the model sees of one picture."""
        return self.inputs.shape[2:] if self.input_kind == "features" else self.inputs.shape[1:]

    def names(self) -> list[str]:
        """Returns a name for every picture."""
        return [item.name if isinstance(item, Path) else f"scene {index}" for index, item in enumerate(self.pictures)]


@dataclass(frozen=True)
class _Collected:
    splits: dict[str, CaptionSplit]
    source: Source
    dropped: dict[str, int]
    notes: tuple[str, ...]


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads pictures and captions, numbers the words and computes (or finds) the features of a frozen encoder.

    Args:
        spec: of a trained model, whose vocabulary is then kept; all of a person's pictures become test examples.

    Raises:
        DataError: data or encoder weights that are absent or damaged; a beam of nothing.
    """
    if config.decoding.beam_width < 1:
        raise DataError(f"--decoding.beam-width {config.decoding.beam_width}: expected 1 or more")
    collected = _collect(config, evaluate_only=spec is not None)
    splits = collected.splits
    if spec is None:
        spec = _learn(config, splits["train"])
    pictures = [picture for split in splits.values() for picture in split.pictures]
    # By name, so that another split of the same pictures finds the same cached features.
    order = sorted(range(len(pictures)), key=lambda index: str(pictures[index]) if _is_file(pictures[index]) else index)
    inputs = _inputs(config, [pictures[index] for index in order])
    places, first, finished = np.argsort(order), 0, {}
    for name, split in splits.items():
        rows, first = places[first : first + len(split)], first + len(split)
        words = _encode(split.references, spec["vocabulary"], config.data.longest_caption)
        finished[name] = dataclasses.replace(split, inputs=inputs, rows=rows, words=words)
    return Prepared(finished, spec, collected.source, collected.dropped, collected.notes)


def _is_file(picture: Path | np.ndarray) -> bool:
    return isinstance(picture, Path)


def _learn(config: Config, train: CaptionSplit) -> dict[str, Any]:
    captions = [caption.split() for captions in train.references for caption in captions]
    lengths = [min(len(caption), config.data.longest_caption) + 1 for caption in captions]
    vocabulary = make_vocabulary(captions, config.data.least_count)
    if len(vocabulary) < 5:
        raise DataError(
            f"{config.data.source}: no word stands {config.data.least_count} times in the {len(captions)} training "
            "captions; pass a smaller --data.least-count"
        )
    return {"vocabulary": vocabulary, "words_per_caption": float(np.mean(lengths))}


def _encode(references: Sequence[Sequence[str]], vocabulary: Sequence[str], longest: int) -> np.ndarray:
    words = np.full((len(references), max(map(len, references)), longest + 2), PADDING, np.int32)
    for row, captions in zip(words, references, strict=True):
        row[: len(captions)] = encode([caption.split() for caption in captions], vocabulary, longest)
    return words


def _collect(config: Config, evaluate_only: bool) -> _Collected:
    if config.data.source == "flickr8k":
        return _flickr8k(config)
    if config.data.source == "demo":
        return _demo(config)
    return _folder(config, evaluate_only)


def _flickr8k(config: Config) -> _Collected:
    stored = flickr8k.load()
    order = np.random.default_rng(config.data.seed).permutation(len(stored.train))
    held_out, rest = order[: config.data.held_out], order[config.data.held_out :][: config.data.limit]
    splits = {
        "train": _split([stored.train[i] for i in sorted(rest)]),
        "validation": _split([stored.train[i] for i in sorted(held_out)]),
        "test": _split(stored.dev),
    }
    source = Source(
        "Flickr8k (test: its development list)",
        sha256_of([*stored.files, *(item.path for item in stored.dev)]),
        notice=flickr8k.NOTICE,
    )
    notes = (
        f"The test split is Flickr8k's official development list ({len(stored.dev)} pictures); "
        f"{len(held_out)} pictures drawn from its training list validate and are never trained on.",
    )
    return _Collected(splits, source, dict(stored.dropped), notes)


def _split(items: Sequence[flickr8k.Captioned]) -> CaptionSplit:
    references = tuple(tuple(" ".join(tokenize(caption)) for caption in item.captions) for item in items)
    return CaptionSplit([item.path for item in items], references)


def _demo(config: Config) -> _Collected:
    splits, digest = {}, hashlib.sha256()
    for offset, (name, count) in enumerate(DEMO_SCENES.items()):
        if name == "train" and config.data.limit:
            count = min(count, config.data.limit)
        made = scenes.make(count, seed=3 * config.data.seed + offset)
        digest.update(made.pictures.tobytes())
        splits[name] = CaptionSplit(list(made.pictures), made.captions)
    return _Collected(splits, Source("synthetic scenes of coloured shapes", digest.hexdigest(), synthetic=True), {}, ())


def _folder(config: Config, evaluate_only: bool) -> _Collected:
    folder = Path(config.data.source)
    stored = captioned_folder.read(folder)
    worded = [item for item in stored.pictures if all(tokenize(caption) for caption in item.captions)]
    dropped = dict(stored.dropped)
    if len(worded) < len(stored.pictures):
        dropped["picture with a caption without words"] = len(stored.pictures) - len(worded)
    source = Source(folder.resolve().name, sha256_of([stored.table, *(item.path for item in worded)]))
    if evaluate_only:
        return _Collected({"test": _split(worded)}, source, dropped, ())
    parts, note = _by_folders(folder, worded) or _at_random(config, folder, worded)
    parts["train"] = parts["train"][: config.data.limit]
    return _Collected({name: _split(parts[name]) for name in SPLITS}, source, dropped, (note,))


def _by_folders(folder: Path, items: Sequence[flickr8k.Captioned]) -> tuple[dict[str, list], str] | None:
    """The split a person made with folders train, validation and test; None where there are no such folders."""
    parts: dict[str, list] = {name: [] for name in SPLITS}
    for item in items:
        parts.setdefault(item.path.relative_to(folder).parts[0], []).append(item)
    if set(parts) != set(SPLITS) or not all(parts.values()):
        return None
    return parts, "Pictures are split by the folders train, validation and test."


def _at_random(config: Config, folder: Path, items: Sequence[flickr8k.Captioned]) -> tuple[dict[str, list], str]:
    share = len(items) // 10
    if not share:
        raise DataError(f"{folder}: {len(items)} captioned pictures, at least 10 are needed to split them")
    order = np.random.default_rng(config.data.seed).permutation(len(items))
    indices = {"test": order[:share], "validation": order[share : 2 * share], "train": order[2 * share :]}
    # A limit takes the first, so the training pictures stay in drawn order.
    parts = {name: [items[index] for index in chosen] for name, chosen in indices.items()}
    return parts, "Pictures are split 80 : 10 : 10 at random, by the seed."


def _inputs(config: Config, pictures: Sequence[Path | np.ndarray]) -> np.ndarray:
    model = config.model
    if not isinstance(model, MobileNetAttention):
        return np.stack([_squeezed(picture, model.picture_size) for picture in pictures])
    encoder = build_mobilenet(model.picture_size, model.encoder_alpha, model.encoder_weights)
    return cached_features(encoder, pictures, _checksum(pictures), pixels)


def _checksum(pictures: Sequence[Path | np.ndarray]) -> str:
    if isinstance(pictures[0], Path):
        return sha256_of(pictures)
    return hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest()


def _squeezed(picture: Path | np.ndarray, size: int) -> np.ndarray:
    values = pixels(picture)
    if values.shape[:2] == (size, size):
        return values
    return np.clip(np.rint(resize(values, size).numpy()), 0, 255).astype(np.uint8)


def pixels(picture: Path | np.ndarray) -> np.ndarray:
    """Returns uint8 [height, width, 3] of a file or of pixels."""
    return read_picture(picture) if isinstance(picture, Path) else picture


def encoder_inputs(split: CaptionSplit, indices: np.ndarray, mirror_seed: np.ndarray | None = None) -> np.ndarray:
    """Returns what the model sees of the pictures at `indices`: features float16 or pixels uint8.

    Args:
        indices: int64 [batch] into the split.
        mirror_seed: int [2], by which half of them are drawn that come from the mirror; None: none does.
    """
    rows, mirrored = split.rows[indices], np.zeros(len(indices), bool)
    if mirror_seed is not None:
        mirrored = np.random.default_rng(mirror_seed.astype(np.int64)).random(len(indices)) < 0.5
    if split.input_kind == "features":
        return split.inputs[rows, mirrored.astype(np.int64)]
    return np.where(mirrored[:, None, None, None], split.inputs[rows, :, ::-1], split.inputs[rows])


def batches(
    config: Config, spec: dict[str, Any], split: CaptionSplit, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns ({features or pictures, words [batch, longest]}, next words, weights).

    Training draws one caption a picture in every pass, and batches of captions of similar length. Weights are zero at
    padding and such that the loss is the sum over a caption's words, divided by the training captions' mean length:
    every word counts alike, whatever batch or device it falls to.
    """
    captions = split.words.shape[1]
    lengths = np.count_nonzero(split.words, axis=2)

    def gather(indices: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pictures, chosen = np.divmod(indices, captions)
        longest = lengths[pictures, chosen].max()
        mirror_seed = seed if training and config.data.mirror else None
        return encoder_inputs(split, pictures, mirror_seed), split.words[pictures, chosen, :longest]

    def element(indices: tf.Tensor, seed: tf.Tensor):
        inputs, words = tf.numpy_function(gather, [indices, seed], (split.inputs.dtype, tf.int32), stateful=False)
        inputs.set_shape([None, *split.input_shape])
        words.set_shape([None, None])
        targets = words[:, 1:]
        scale = tf.cast(tf.shape(targets)[1], tf.float32) / spec["words_per_caption"]
        weights = tf.cast(targets != PADDING, tf.float32) * scale
        return {split.input_kind: tf.cast(inputs, tf.float32), "words": words[:, :-1]}, targets, weights

    if training:
        plan = caption_plan(lengths, config.training.batch_size, config.training.seed)
    else:
        pairs = np.flatnonzero(lengths)
        order = in_order_plan(len(pairs), EVALUATION_BATCH)

        def plan(epoch: int) -> list[np.ndarray]:
            return [pairs[batch] for batch in order(epoch)]

    dataset = index_batches(plan, config.training.seed, first_step, endless=training)
    return dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def caption_plan(lengths: np.ndarray, batch_size: int, seed: int) -> Plan:
    """Returns a plan that draws one caption of every picture in every pass, and batches captions of similar length.

    Args:
        lengths: int [pictures, captions], words of each caption; 0 where there is none (those stand last).

    Returns:
        pass -> int64 [batches, batch_size] of picture x captions + caption.

    Raises:
        ValueError: fewer pictures than one batch holds.
    """
    counts, numbers = np.count_nonzero(lengths, axis=1), np.arange(len(lengths))
    bucketed_plan(counts, batch_size, seed)  # raises early

    def plan(epoch: int) -> np.ndarray:
        chosen = np.random.default_rng([seed, epoch, 1]).integers(counts)
        batches = bucketed_plan(lengths[numbers, chosen], batch_size, seed)(epoch)
        return batches * lengths.shape[1] + chosen[batches]

    return plan
