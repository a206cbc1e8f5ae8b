"""Answers averaged over a picture and its neighbours one pixel away: test-time averaging inside the network."""

from __future__ import annotations

import keras
from keras import ops

VIEWS = 3
"""The picture, and moved up, and moved to the left."""


@keras.saving.register_keras_serializable(package="shared_layers")
class ShiftedViews(keras.layers.Layer):
    """In inference puts three views of every picture into the batch: as it is, and moved by one pixel up and to the left.

    2x2 pooling then falls on other pixels. In training it changes nothing. `MeanOverViews` behind the network makes one answer of
    the three.

    Input shape: [batch, height, width, channels].
    Output shape: [3 batch, height, width, channels], the pictures as they are first; zeros come in from outside. In training
    [batch, height, width, channels].

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 4.1, average over crops.

    >>> ShiftedViews()(ops.ones((2, 4, 4, 1))).shape
    TensorShape([6, 4, 4, 1])
    """

    def call(self, pictures, training=None):
        if training:
            return pictures
        padded = ops.pad(pictures, [[0, 0], [0, 1], [0, 1], [0, 0]])
        return ops.concatenate([pictures, padded[:, 1:, :-1], padded[:, :-1, 1:]])

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable(package="shared_layers")
class MeanOverViews(keras.layers.Layer):
    """In inference averages what a network answers to the three views of `ShiftedViews`; in training it changes nothing.

    Input shape: [3 batch, ...]; in training [batch, ...].
    Output shape: [batch, ...].

    Source: as `ShiftedViews`.

    >>> MeanOverViews()(ops.arange(6.0)[:, None])
    <tf.Tensor: shape=(2, 1), dtype=float32, numpy=
    array([[2.],
           [3.]], dtype=float32)>
    """

    def call(self, answers, training=None):
        if training:
            return answers
        return ops.mean(ops.reshape(answers, (VIEWS, -1, *answers.shape[1:])), axis=0)

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])
