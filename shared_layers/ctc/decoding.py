"""From CTC logits to label sequences: the best path, and a prefix beam search inside the graph."""

from __future__ import annotations

import tensorflow as tf

from shared_layers.masking.frame_mask import frame_mask


def greedy_decode(logits: tf.Tensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """Returns the labels of the best path: repeats collapsed, then blanks dropped.

    Args:
        logits: [n, frames, classes]; the blank is the last class.
        lengths: int [n], real frames of each sequence.

    Returns:
        int32 ragged [n, labels].

    >>> greedy_decode(tf.one_hot([[0, 0, 2, 0, 1, 1]], 3), tf.constant([5])).to_list()
    [[0, 0, 1]]
    """
    best = tf.argmax(logits, axis=-1, output_type=tf.int32)
    before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
    keep = (best != before) & (best != tf.shape(logits)[-1] - 1) & frame_mask(lengths, tf.shape(best)[1])
    return tf.ragged.boolean_mask(best, keep)


def beam_decode(logits: tf.Tensor, lengths: tf.Tensor, width: int) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Returns the most probable labels that a prefix beam search finds, summed over the paths inside the beam.

    Args:
        logits: [n, frames, classes]; the blank is the last class.
        lengths: int [n], real frames of each sequence.
        width: number of prefixes kept after each frame.

    Returns:
        labels int32 ragged [n, labels], and their log-probabilities float32 [n] in nats.

    Source: Graves, "Supervised sequence labelling with recurrent neural networks" (2012), section 7.5.

    >>> logits = tf.math.log([[[0.4, 0.6], [0.4, 0.6]]])  # best path blank, but p([0]) = 1 - 0.36
    >>> labels, log_probability = beam_decode(logits, tf.constant([2]), 8)
    >>> labels.to_list(), round(float(tf.exp(log_probability[0])), 3)
    ([[0]], 0.64)
    """
    logits = tf.transpose(tf.cast(logits, tf.float32), [1, 0, 2])
    decoded, log_probabilities = tf.nn.ctc_beam_search_decoder(
        logits, tf.cast(lengths, tf.int32), beam_width=width, top_paths=1
    )
    places, labels, shape = decoded[0].indices, decoded[0].values, decoded[0].dense_shape
    ragged = tf.RaggedTensor.from_value_rowids(tf.cast(labels, tf.int32), places[:, 0], nrows=shape[0])
    return ragged, log_probabilities[:, 0]
