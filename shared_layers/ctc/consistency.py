"""How far a CTC model's answers to two differently disturbed copies of the same sequences are apart."""

from __future__ import annotations

import tensorflow as tf

from shared_layers.masking.frame_mask import zero_padded_frames


def consistency_loss(logits: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns the divergence between the two answers to each sequence, in nats, summed over its frames.

    It is half of KL(b | a) + KL(a | b) of the frames' distributions a and b. No gradient flows through what stands first, so that
    each answer is drawn to the other as it is.

    Args:
        logits: float [2 n, frames, classes], of the copies 2 i and 2 i + 1 of sequence i; computed in float32.
        lengths: int32 [2 n], real frames of each copy.

    Returns:
        float32 [n].

    Source: Yao et al., "CR-CTC: consistency regularization on CTC for improved speech recognition", ICLR 2025.

    >>> consistency_loss(tf.zeros([4, 3, 5]), tf.constant([3, 3, 2, 2])).numpy().tolist()
    [0.0, 0.0]
    """
    answers = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    one, other = answers[0::2], answers[1::2]
    frames = 0.5 * (_divergence(other, one) + _divergence(one, other))
    return tf.reduce_sum(zero_padded_frames(frames, lengths[0::2]), axis=[1, 2])


def _divergence(granted: tf.Tensor, answer: tf.Tensor) -> tf.Tensor:
    granted = tf.stop_gradient(granted)
    return tf.exp(granted) * (granted - answer)
