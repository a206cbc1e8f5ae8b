"""Batch normalisation of padded sequences over their real frames."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from shared_layers.masking.frame_mask import frame_mask, zero_padded_frames


@keras.saving.register_keras_serializable(package="shared_layers")
class FrameBatchNormalization(keras.layers.Layer):
    """Standardises each feature by its mean and variance over all real frames of the batch, then scales and shifts it.

    Moving averages of both take their place outside training. Padding never counts and comes out as zeros, so that padding a
    batch further changes nothing, in training as well. Under a distribution strategy the statistics are those of the whole
    global batch (`keras.layers.BatchNormalization` is not synchronised where it has a mask). Statistics in float32 at least.
    On one CPU, in float32, TensorFlow's fused kernel trains on the real frames alone.

    Args:
        momentum: of the moving averages.
        epsilon: added to the variance.
        affine: learn a scale and a shift.

    Input shape:
        sequences [n, frames, ..., features]; lengths int [n].

    Output shape:
        [n, frames, ..., features].

    Source: Laurent et al., "Batch normalized recurrent neural networks", ICASSP 2016 (sequence-wise); Amodei et al., "Deep Speech
    2", ICML 2016, section 3.2.

    >>> layer = FrameBatchNormalization()
    >>> x = ops.array([[[1.0], [99.0]], [[3.0], [99.0]]])
    >>> layer(x, ops.array([1, 1]), training=True).numpy().round(2).tolist()
    [[[-1.0], [0.0]], [[1.0], [0.0]]]
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, affine: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon, self.affine = momentum, epsilon, affine

    def build(self, sequences_shape, lengths_shape):
        shape = (sequences_shape[-1],)
        if self.affine:
            self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(shape=shape, initializer="ones", trainable=False, name="moving_variance")

    def call(self, sequences, lengths, training=False):
        if training and self._takes_fused_kernel():
            return self._fused(ops.cast(sequences, "float32"), lengths)
        wide = ops.cast(sequences, keras.backend.result_type(self.compute_dtype, "float32"))
        wide = zero_padded_frames(wide, lengths)
        if training:
            mean, variance = self._moments(wide, lengths)
            self._move(mean, variance)
        else:
            mean, variance = (ops.cast(v, wide.dtype) for v in (self.moving_mean, self.moving_variance))
        output = (wide - mean) * ops.rsqrt(variance + self.epsilon)
        if self.affine:
            output = output * ops.cast(self.gamma, wide.dtype) + ops.cast(self.beta, wide.dtype)
        return ops.cast(zero_padded_frames(output, lengths), self.compute_dtype)

    def _takes_fused_kernel(self):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self.compute_dtype == "float32" and replicas == 1 and not tf.config.list_physical_devices("GPU")

    def _fused(self, sequences, lengths):
        """Returns what `call` does in training, by the kernel that knows no padding: the real frames are put together for it."""
        self.supports_jit = False  # XLA refuses a number of frames that it learns late
        places = tf.where(frame_mask(lengths, tf.shape(sequences)[1]))
        frames = tf.gather_nd(sequences, places)
        features = sequences.shape[-1]
        scale, shift = (self.gamma, self.beta) if self.affine else (tf.ones([features]), tf.zeros([features]))
        output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.reshape(frames, [1, tf.shape(frames)[0], -1, features]),
            scale=scale, offset=shift, mean=[], variance=[], epsilon=self.epsilon, is_training=True,
        )  # fmt: skip
        # the kernel's variance is the unbiased one; of no frames it tells nothing
        count = tf.maximum(tf.cast(tf.size(frames) // features, tf.float32), 1.0)
        some = tf.size(frames) > 0
        self._move(tf.where(some, mean, 0.0), tf.where(some, variance * (count - 1.0) / count, 0.0))
        return tf.scatter_nd(places, tf.reshape(output, tf.shape(frames)), tf.shape(sequences, tf.int64))

    def _move(self, mean, variance):
        """Moves the moving averages towards a batch's statistics."""
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.cast(value, moving.dtype) * (1.0 - self.momentum))

    def _moments(self, sequences, lengths):
        axes = list(range(len(sequences.shape) - 1))
        positions = ops.prod(ops.cast(ops.shape(sequences)[2:-1], sequences.dtype)) if len(axes) > 2 else 1.0
        frames = ops.minimum(ops.cast(lengths, "int32"), ops.shape(sequences)[1])
        count = _over_all_replicas(ops.sum(ops.cast(frames, sequences.dtype)) * positions)
        count = ops.maximum(count, 1.0)
        mean = _over_all_replicas(ops.sum(sequences, axis=axes)) / count
        centred = zero_padded_frames(sequences - mean, lengths)
        return mean, _over_all_replicas(ops.sum(ops.square(centred), axis=axes)) / count

    def compute_output_shape(self, sequences_shape, lengths_shape):
        return sequences_shape

    def get_config(self):
        names = "momentum epsilon affine".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _over_all_replicas(value):
    """Returns the sum over the replicas of a distribution strategy; the value itself where there is one."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
