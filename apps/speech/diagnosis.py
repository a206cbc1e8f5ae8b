"""What goes wrong while a CTC model trains, said in words with the likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness import runs
from shared_layers.ctc.decoding import greedy_decode
from shared_layers.ctc.label_error_rate import LabelErrorRate

BEGINNING = 0.15
"""Share of the training in which every CTC model writes only blanks."""
RISE = 0.1
"""Rise of the blank's share of the frames that is worth a word, where the error rate rises by half of it as well."""
OFTEN = 5
"""Times that a character has to be said before its absence is worth a word."""
COARSE = 0.05
"""Share of the training utterances, and more than one, above which it is the frames that are too coarse, not those recordings too short."""


@dataclass(frozen=True)
class Observation:
    """What a model answered to some validation utterances after an epoch."""

    epoch: int
    """From 1."""
    loss: float
    """Of the training."""
    error_rate: float
    """Label errors of the best path, divided by labels."""
    blank_share: float
    """Of the real frames: whose best class is the blank."""
    said: np.ndarray
    """int [characters]: times that each was said."""
    written: np.ndarray
    """int [characters]: times that each was written."""


def findings(
    seen: Sequence[Observation], epochs: int, characters: Sequence[str], trained: np.ndarray
) -> dict[str, str]:
    """Returns kind -> sentence for all that is wrong after the last observation.

    Args:
        seen: one or more, in order.
        epochs: of the whole training.
        characters: by class.
        trained: int [characters], times that the training transcripts hold each.
    """
    last = seen[-1]
    if not last.written.sum():
        return {"only blanks": _only_blanks(seen, epochs)}
    found = {}
    spoken = [o for o in seen if o.written.sum()]
    least = min(spoken, key=lambda o: o.blank_share)
    best = min(o.error_rate for o in spoken)
    if last.blank_share >= least.blank_share + RISE and last.error_rate >= best + RISE / 2:
        found["rising blanks"] = (
            f"the blank takes over: {least.blank_share:.0%} of the frames after epoch {least.epoch}, {last.blank_share:.0%} now, and "
            f"the label error rate rose from {best:.0%} to {last.error_rate:.0%}. Likely cause: steps that are too large "
            "(lower --training.learning-rate, or --training.clip-norm 1), or augmentation too strong for the model"
        )
    never = [i for i in np.flatnonzero(last.said >= OFTEN) if not last.written[i]]
    if never and last.error_rate < 0.5:
        found["never written " + "".join(characters[i] for i in never)] = _never(never, last, characters, trained)
    return found


def _only_blanks(seen: Sequence[Observation], epochs: int) -> str:
    last = seen[-1]
    if last.epoch <= max(1, BEGINNING * epochs):
        return f"after epoch {last.epoch} the model writes only blanks, as every CTC model does at the beginning"
    text = f"after epoch {last.epoch} of {epochs} the model still writes only blanks. Likely cause: "
    silent = [o.loss for o in seen]
    if any(o.written.sum() for o in seen):
        return text + (
            "it wrote before and has collapsed: the steps are too large; lower --training.learning-rate or --training.clip-norm, "
            "and start anew"
        )
    if len(silent) > 1 and silent[-1] < 0.97 * silent[-2]:
        return text + "it learns slowly, for the loss still falls; let it go on, or raise --training.learning-rate"
    return text + (
        "it does not learn, for the loss stands still: a learning rate too high or too low, features that hold nothing (silent "
        "recordings), or transcripts that belong to other recordings; see whether it learns 8 utterances by heart "
        "(--data.limit 8 --training.batch-size 8)"
    )


def _never(never: Sequence[int], last: Observation, characters: Sequence[str], trained: np.ndarray) -> str:
    parts = [
        f"{'the space' if characters[i] == ' ' else characters[i]} ({last.said[i]} times said, {trained[i]} times in training)"
        for i in never
    ]
    rare = all(trained[i] < 0.002 * trained.sum() for i in never)
    cause = (
        "training shows too little of it; add recordings that hold it"
        if rare
        else "training shows enough of it, so another character or the blank stands for it: a training too short, or a spelling "
        "that is not used alike in all transcripts"
    )
    return f"never written: {', '.join(parts)}. Likely cause: {cause}"


def infeasible(dropped: dict[str, int], trained: int, seconds_per_frame: float) -> str | None:
    """Returns a sentence on training utterances that CTC cannot align, which are left out, or None.

    Args:
        dropped: reason -> count, as the data's preparation gives it.
        trained: utterances that are left to train on.
        seconds_per_frame: of the model.
    """
    count = sum(number for reason, number in dropped.items() if reason.startswith("train, fewer frames"))
    if not count:
        return None
    every = count + trained
    if count == 1:
        return (
            f"1 of {every} training utterances has fewer frames than its transcript needs, so that no CTC path exists; it is left out. "
            "Likely cause: a recording too short for its transcript (cut off, or somebody else's transcript); listen to it"
        )
    cause = (
        f"one frame each {1000 * seconds_per_frame:.0f} ms is too coarse for this speech; lower the model's strides"
        if count > COARSE * every
        else "recordings too short for their transcripts (cut off, or somebody else's transcripts); listen to them"
    )
    return (
        f"{count} of {every} training utterances have fewer frames than their transcripts need, so that no CTC path exists; "
        f"they are left out. Likely cause: {cause}"
    )


class Diagnosis(keras.callbacks.Callback):
    """Looks at some validation utterances every few epochs and says on stderr what is wrong, each thing once while it lasts.

    Args:
        batch: ({"waveforms", "lengths"}, labels [n, longest] ending in -1s) of validation utterances.
        characters: by class; the blank follows the last.
        trained: int [characters], times that the training transcripts hold each.
        epochs: of the whole training.
        every: epochs from one look to the next.
    """

    def __init__(self, batch: Any, characters: Sequence[str], trained: np.ndarray, epochs: int, every: int = 1):
        super().__init__()
        self.batch, self.characters, self.trained = batch, characters, trained
        self.epochs, self.every = epochs, every
        self.seen: list[Observation] = []
        self.lasting: set[str] = set()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        self.seen.append(self._observed(epoch + 1, float(logs["loss"])))
        found = findings(self.seen, self.epochs, self.characters, self.trained)
        for kind, sentence in found.items():
            if kind not in self.lasting or (kind == "only blanks" and "still" in sentence):
                runs.say(f"speech: {sentence}")
        self.lasting = set(found)

    def _observed(self, epoch: int, loss: float) -> Observation:
        x, labels = self.batch
        outputs = self.model(x, training=False)
        return observed(epoch, loss, np.array(outputs["logits"]), np.array(outputs["frames"]), np.array(labels))


def observed(epoch: int, loss: float, logits: np.ndarray, frames: np.ndarray, labels: np.ndarray) -> Observation:
    """Returns what logits [n, frames, classes] (blank last) of so many real frames [n] say beside labels [n, longest], -1 padded."""
    characters = logits.shape[-1] - 1
    real = np.arange(logits.shape[1]) < frames[:, None]
    metric = LabelErrorRate()
    metric.update_state(tf.constant(labels), tf.constant(logits), tf.constant(frames))
    return Observation(
        epoch,
        loss,
        float(metric.result()),
        float((logits.argmax(-1) == characters)[real].mean()),
        np.bincount(labels[labels >= 0], minlength=characters),
        np.bincount(greedy_decode(tf.constant(logits), tf.constant(frames)).flat_values.numpy(), minlength=characters),
    )
