"""A functional model trained by the CTC loss."""

from __future__ import annotations

import keras
import tensorflow as tf

from shared_layers.ctc.label_error_rate import LabelErrorRate
from shared_layers.ctc.loss import ctc_loss
from shared_layers.losses.replica_share import replica_share

INTERMEDIATE_SHARE = 0.3
"""Of the lower layers' losses in the whole."""


@keras.saving.register_keras_serializable(package="shared_layers")
class CTCModel(keras.Model):
    """Trains on the mean CTC loss of a batch and measures the label error rate of the best path.

    Its outputs are `{"logits": [n, frames, classes], "frames": int [n]}` with the blank as last class; its targets are
    int32 [n, longest], -1 behind each sequence's last label. Compile it without a loss. Further outputs named
    "intermediate_..." are logits of lower layers: the mean of their losses makes up 30 % of the loss, which regularises deep
    stacks (Lee and Watanabe, "Intermediate loss regularization for CTC-based speech recognition", ICASSP 2021). A further output
    "own_share" [n], as `shared_layers.audio.mix_speech.MixSpeech` gives it, says by how much each sequence of a training batch has
    its own labels; by the rest it has those of the sequence before it. The label error rate goes by its own.

    >>> sequences = keras.Input((None, 4)); frames = keras.Input((), dtype="int32")
    >>> model = CTCModel([sequences, frames], {"logits": keras.layers.Dense(3)(sequences), "frames": frames})
    >>> model.compile("adam")
    >>> x = [tf.ones([2, 5, 4]), tf.constant([5, 3])]
    >>> sorted(model.train_on_batch(x, tf.constant([[0, 1], [1, -1]]), return_dict=True))
    ['label_error_rate', 'loss']
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.supports_jit = False
        self.label_error_rate = LabelErrorRate()

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = _losses(y, y_pred)
        if training and "own_share" in y_pred:
            own = tf.cast(y_pred["own_share"], losses.dtype)
            mixed = own < 1
            # where none is mixed, the other labels may need more frames than there are
            others = _losses(tf.where(mixed[:, None], tf.roll(y, 1, axis=0), y), y_pred)
            losses = own * losses + (1 - own) * others
        if sample_weight is not None:
            losses = losses * tf.cast(sample_weight, losses.dtype)
        return tf.add_n([replica_share(tf.reduce_mean(losses)), *self.losses])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.label_error_rate.update_state(y, y_pred["logits"], y_pred["frames"])
        return self.get_metrics_result()


def _losses(y, y_pred):
    """Returns each sequence's loss, float32 [n], in which lower layers share where they have outputs."""
    losses = ctc_loss(y, y_pred["logits"], y_pred["frames"])
    lower = [ctc_loss(y, y_pred[name], y_pred["frames"]) for name in y_pred if name.startswith("intermediate_")]
    if not lower:
        return losses
    return (1 - INTERMEDIATE_SHARE) * losses + INTERMEDIATE_SHARE * tf.add_n(lower) / len(lower)
