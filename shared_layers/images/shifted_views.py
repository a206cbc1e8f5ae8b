"""Answers averaged over a picture and its neighbours one pixel away: test-time averaging inside the network."""

from __future__ import annotations

import keras
from keras import ops

VIEWS = 5
"""The picture, and moved up, down, left and right."""


@keras.saving.register_keras_serializable(package="shared_layers")
class ShiftedViews(keras.layers.Layer):
    """In inference puts five views of every picture into the batch: as it is, and moved by one pixel to each side.

    In training it changes nothing. `MeanOverViews` behind the network makes one answer of the five.

    Input shape: [batch, height, width, channels].
    Output shape: [5 batch, height, width, channels], the pictures as they are first; zeros come in from outside. In training
    [batch, height, width, channels].

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 4.1, average over crops.

    >>> ShiftedViews()(ops.ones((2, 4, 4, 1))).shape
    TensorShape([10, 4, 4, 1])
    """

    def call(self, pictures, training=None):
        if training:
            return pictures
        padded = ops.pad(pictures, [[0, 0], [1, 1], [1, 1], [0, 0]])
        up, down = padded[:, 2:, 1:-1], padded[:, :-2, 1:-1]
        left, right = padded[:, 1:-1, 2:], padded[:, 1:-1, :-2]
        return ops.concatenate([pictures, up, down, left, right])

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable(package="shared_layers")
class MeanOverViews(keras.layers.Layer):
    """In inference averages what a network answers to the five views of `ShiftedViews`; in training it changes nothing.

    Input shape: [5 batch, ...]; in training [batch, ...].
    Output shape: [batch, ...].

    Source: as `ShiftedViews`.

    >>> MeanOverViews()(ops.arange(10.0)[:, None])
    <tf.Tensor: shape=(2, 1), dtype=float32, numpy=
    array([[4.],
           [5.]], dtype=float32)>
    """

    def call(self, answers, training=None):
        if training:
            return answers
        return ops.mean(ops.reshape(answers, (VIEWS, -1, *answers.shape[1:])), axis=0)

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])
