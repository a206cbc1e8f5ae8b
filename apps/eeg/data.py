"""The EEG app's data: UCI EEG Database, simulated EEG, or a person's own recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from apps.eeg.config import Config, DataConfig
from apps.eeg.folds import deal, split_subjects
from apps.eeg.frames import statistics
from apps.eeg.recordings import read_list
from datasets import uci_eeg
from datasets.errors import DataError
from datasets.montage import on_the_scalp, positions
from datasets.synthetic import eeg as synthetic
from harness.app import Prepared, Source
from harness.batching import in_order_plan, index_batches, on_host, shuffled_plan
from harness.classification import class_weights

DEMO_SUBJECTS = 8
DEMO_TRIALS = 60


@dataclass(frozen=True)
class Trials:
    """Recordings of equal length with their labels."""

    signals: np.ndarray
    """float32 [trials, electrodes, samples] in volts."""
    labels: np.ndarray
    """int64 [trials]."""
    subjects: np.ndarray
    """str [trials]."""

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> Trials:
        """Returns the trials at `chosen` (places or a mask)."""
        return Trials(self.signals[chosen], self.labels[chosen], self.subjects[chosen])


@dataclass(frozen=True)
class Collection:
    """All trials of a source and what is known about them."""

    trials: Trials
    class_names: list[str]
    electrodes: list[str]
    sample_rate: float
    groups: dict[str, str]
    """Subject -> group of people, dealt evenly to the folds."""
    source: Source
    dropped: dict[str, int]


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the data and splits it by subject; with the `spec` of a trained model, all trials become test examples.

    Raises:
        DataError: data that is absent, damaged or does not fit the model, or too few subjects.
    """
    collection = read(config.data, spec)
    if spec is not None:
        return _for_model(collection, spec)
    subjects = subjects_of(collection, config.data)
    splits = split(collection, config.data)
    scalp = on_the_scalp(collection.electrodes)
    learnt = {
        "class_names": collection.class_names,
        "source": config.data.source,
        "electrodes": collection.electrodes,
        "scalp": scalp,
        "positions": positions([collection.electrodes[place] for place in scalp]),
        "sample_rate": collection.sample_rate,
        "samples": int(collection.trials.signals.shape[2]),
    }
    learnt |= statistics(splits["train"].signals, config.features, learnt)
    notes = [f"{name}: {', '.join(people) if people else 'nobody'}." for name, people in subjects.items()]
    notes.append("Splits are by subject: no person's trials stand in two of them.")
    return Prepared(splits, learnt, collection.source, collection.dropped, notes)


def subjects_of(collection: Collection, data: DataConfig) -> dict[str, list[str]]:
    """Returns split -> subjects for the fold that data.fold names."""
    names = sorted(set(collection.trials.subjects.tolist()))
    return split_subjects(deal(names, [collection.groups[name] for name in names], data), data)


def split(collection: Collection, data: DataConfig) -> dict[str, Trials]:
    """Returns split -> trials for the fold that data.fold names."""
    trials = collection.trials
    chosen = {
        name: np.flatnonzero(np.isin(trials.subjects, people)) for name, people in subjects_of(collection, data).items()
    }
    if data.limit and data.limit < len(chosen["train"]):
        order = np.random.default_rng(data.seed).permutation(len(chosen["train"]))
        chosen["train"] = np.sort(chosen["train"][order[: data.limit]])
    return {name: trials.subset(places) for name, places in chosen.items()}


def read(data: DataConfig, spec: dict[str, Any] | None = None) -> Collection:
    """Reads every trial of data.source; a CSV's recordings in the electrodes and rate of `spec`, if there is one."""
    if data.source == "uci-eeg":
        return _uci(uci_eeg.folder(), "UCI EEG Database")
    if data.source == "demo":
        return _simulated(data)
    path = Path(data.source)
    if path.is_dir():
        return _uci(path, path.name)
    if path.suffix.lower() == ".csv" and path.is_file():
        return _listed(path, spec)
    raise DataError(
        f"{path}: expected a folder in the layout of the UCI EEG Database, or a CSV with the columns file, label and subject"
    )


def _uci(folder: Path, name: str) -> Collection:
    stored = uci_eeg.load(folder)
    trials = Trials(stored.signals, stored.conditions, stored.subjects)
    groups = {subject: subject[3] for subject in set(stored.subjects.tolist())}
    source = Source(name, stored.sha256, notice=uci_eeg.NOTICE if name.startswith("UCI") else "")
    return Collection(
        trials,
        list(uci_eeg.CONDITIONS),
        list(uci_eeg.ELECTRODES),
        float(uci_eeg.SAMPLE_RATE),
        groups,
        source,
        stored.dropped,
    )


def _simulated(data: DataConfig) -> Collection:
    made = synthetic.simulate(DEMO_SUBJECTS, DEMO_TRIALS, data.seed)
    digest = hashlib.sha256(made.signals.tobytes() + made.labels.tobytes()).hexdigest()
    source = Source(
        "simulated EEG",
        digest,
        synthetic=True,
        notice="1/f noise and one rhythm of known place a class; made, not recorded",
    )
    return Collection(
        Trials(made.signals, made.labels, made.subjects),
        [rhythm.name for rhythm in synthetic.RHYTHMS],
        list(uci_eeg.ELECTRODES),
        float(synthetic.SAMPLE_RATE),
        dict.fromkeys(made.subjects.tolist(), ""),
        source,
        {},
    )


def _listed(path: Path, spec: dict[str, Any] | None) -> Collection:
    if spec is None:
        listed = read_list(path)
    else:
        listed = read_list(path, spec["electrodes"], spec["sample_rate"], spec["samples"] / spec["sample_rate"])
    class_names = sorted(set(listed.labels))
    if len(class_names) < 2 and spec is None:
        raise DataError(f"{path}: one label ({class_names[0]}), expected at least two to tell apart")
    labels = np.array([class_names.index(label) for label in listed.labels], np.int64)
    trials = Trials(listed.signals, labels, np.array(listed.subjects))
    source = Source(path.name, listed.sha256)
    return Collection(
        trials,
        class_names,
        listed.electrodes,
        listed.sample_rate,
        dict.fromkeys(listed.subjects, ""),
        source,
        listed.dropped,
    )


def _for_model(collection: Collection, spec: dict[str, Any]) -> Prepared:
    unknown = sorted(set(collection.class_names) - set(spec["class_names"]))
    if unknown:
        raise DataError(
            f"{collection.source.name}: the model does not know the class {', '.join(unknown)}; "
            f"it knows {', '.join(spec['class_names'])}"
        )
    shape = (len(spec["electrodes"]), spec["samples"])
    if collection.electrodes != spec["electrodes"] or collection.trials.signals.shape[1:] != shape:
        raise DataError(
            f"{collection.source.name}: recordings {collection.trials.signals.shape[1:]}, the model expects {shape} from its own electrodes"
        )
    places = np.array([spec["class_names"].index(name) for name in collection.class_names])
    trials = Trials(collection.trials.signals, places[collection.trials.labels], collection.trials.subjects)
    return Prepared({"test": trials}, spec, collection.source, collection.dropped)


def batches(
    config: Config, spec: dict[str, Any], split: Trials, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns (signals float32 [batch, electrodes, samples] in volts, one-hot labels [batch, classes][, weights [batch]]).

    Varied and endless when training. A mixed trial's weight is mixed as its label is.
    """
    classes = len(spec["class_names"])
    signals, labels = on_host(split.signals), on_host(np.eye(classes, dtype=np.float32)[split.labels])
    balanced = training and config.data.class_weight == "balanced"
    weights = on_host(class_weights(split.labels, classes)) if balanced else None

    def gather(indices: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x, y = tf.gather(signals, indices), tf.gather(labels, indices)
        if training:
            x, y = augment(x, y, seed, config.data)
        return (x, y) if weights is None else (x, y, tf.linalg.matvec(y, weights))

    batch_size = config.training.batch_size
    count = len(split)
    plan = shuffled_plan(count, batch_size, config.training.seed) if training else in_order_plan(count, 128)
    dataset = index_batches(plan, config.training.seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def augment(signals: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, data: DataConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes, shifts, scales, adds noise to and silences electrodes of trials [batch, electrodes, samples] as the seed pair says."""
    count, electrodes, samples = tf.shape(signals)[0], signals.shape[1], signals.shape[2]
    seeds = tf.random.split(seed, 5)
    if data.mixup:
        share = tf.random.stateless_uniform([count, 1], seeds[0], 0.0, data.mixup)
        signals += share[..., None] * (tf.reverse(signals, [0]) - signals)
        labels += share * (tf.reverse(labels, [0]) - labels)
    if data.time_shift:
        border = data.time_shift
        padded = tf.pad(signals, [[0, 0], [0, 0], [border, border]], "SYMMETRIC")
        starts = tf.random.stateless_uniform([count], seeds[1], 0, 2 * border + 1, tf.int32)
        places = starts[:, None] + tf.range(samples)
        signals = tf.transpose(tf.gather(tf.transpose(padded, [0, 2, 1]), places, batch_dims=1), [0, 2, 1])
    if data.amplitude_scale:
        signals *= tf.exp(data.amplitude_scale * tf.random.stateless_normal([count, 1, 1], seeds[2]))
    if data.noise:
        signals += 1e-6 * data.noise * tf.random.stateless_normal(tf.shape(signals), seeds[3])
    if data.electrode_dropout:
        kept = tf.random.stateless_uniform([count, electrodes, 1], seeds[4]) >= data.electrode_dropout
        signals *= tf.cast(kept, tf.float32)
    return tf.ensure_shape(signals, [None, electrodes, samples]), labels


def all_but_test(splits: dict[str, Trials]) -> Trials:
    """Returns training and validation trials together: what a baseline without a best epoch to choose trains on."""
    parts: Sequence[Trials] = [splits[name] for name in ("train", "validation") if len(splits.get(name, ()))]
    return Trials(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("signals", "labels", "subjects"))
    )
