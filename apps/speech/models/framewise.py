"""P8: a classifier of single frames, trained on the alignment of a CTC model, beside that model.

Graves et al., "Connectionist temporal classification", ICML 2006, figure 1: the framewise network names every frame, the CTC network
spikes once a label. Both are P1's network.
"""

from __future__ import annotations

import keras
import numpy as np

from apps.speech.config import FeaturesConfig, Framewise
from apps.speech.models import blstm
from apps.speech.word_times import align
from shared_layers.ctc.framewise_model import FramewiseModel

EDGE_FRAMES = 2
"""Frames before the first and after the last spike that bear its label; those further out bear none."""


def build(model: Framewise, features: FeaturesConfig, classes: int, ctc: keras.Model) -> FramewiseModel:
    """Returns a new classifier with the trained CTC model, which trains no more, beside it.

    Returns:
        {"waveforms", "lengths"} -> {"logits": float32 [n, frames, classes] of the classifier, for which the blank (last) is never
        right; "frames": int32 [n]; "ctc_logits": float32 [n, frames, classes] of the CTC model}.
    """
    ctc.trainable = False
    network = blstm.build(model, features, classes)
    spikes = ctc(network.input, training=False)
    outputs = {**network.output, "ctc_logits": spikes["logits"]}
    return FramewiseModel(inputs=network.input, outputs=outputs, name="framewise")


def frame_labels(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the label that each frame bears, int32 [frames]; -1: none.

    Each frame bears the label of the nearest spike on the most probable path.

    Args:
        log_probabilities: [frames, classes] in nats, the blank last; labels: int [labels], of what was said.
    """
    bearing = np.full(len(log_probabilities), -1, np.int32)
    if not len(labels):
        return bearing
    labels = np.asarray(labels, np.int32)
    starts, ends = align(np.ascontiguousarray(log_probabilities, np.float64), labels)
    between = (ends[:-1] + starts[1:] + 1) // 2
    first, last = max(0, starts[0] - EDGE_FRAMES), min(len(bearing), ends[-1] + EDGE_FRAMES)
    for label, start, end in zip(labels, [first, *between], [*between, last], strict=True):
        bearing[start:end] = label
    return bearing
