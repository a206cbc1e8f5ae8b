"""The suite's convolutional network as the SavedModel runs it: the same answers for a fifth less work.

Batch normalisation is folded into the convolutions, what a picture's shifted views have in common is convolved once, and a last row
and column that pooling leaves out are not convolved at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from apps.digits.config import ConvNet
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.images.shifted_views import VIEWS, ShiftedViews


def lean(settings: object, model: keras.Model) -> keras.Model:
    """Returns what answers, outside training, as the model does, of the same weights.

    Args:
        settings: those of the model; of another one than a ConvNet's it is returned as it is, and so is one that does not compute in
            float32.
    """
    if not isinstance(settings, ConvNet) or any(layer.compute_dtype != "float32" for layer in model.layers):
        return model
    x, waiting = model.inputs[0], model.layers[1:]
    while waiting:
        layer, *waiting = waiting
        if isinstance(layer, ShiftedViews) and 2 * settings.pool_after <= x.shape[1]:
            first, waiting = waiting[: settings.pool_after], waiting[settings.pool_after :]
            layer = ConvolvedViews(layer, first)
        elif isinstance(layer, ConvBatchNorm):
            layer = Folded(layer)
        x = layer(x)
    return keras.Model(model.inputs[0], x)


class Folded(keras.layers.Layer):
    """A trained `ConvBatchNorm` with a 3x3 kernel and ReLU, its normalisation folded into kernel and bias.

    Input shape: [batch, side, side, channels].
    Output shape: [batch, side // pool_size, side // pool_size, filters].
    """

    def __init__(self, trained: ConvBatchNorm):
        super().__init__(name=f"{trained.name}_folded")
        self.trained = trained
        self.built = True

    def call(self, x):
        if self.trained.pool_size > 1:
            return self.pool(self.convolve(x))
        scale, shift = self._scale_and_shift()
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.trained.convolution.kernel * scale, 1, "SAME"), shift))

    def convolve(self, x: tf.Tensor) -> tf.Tensor:
        """Returns what `pool` takes, [batch, side, side, filters]; of an odd side, of which it leaves out the last pixel, one less."""
        scale, _ = self._scale_and_shift()
        last = 0 if x.shape[1] % 2 else 1
        kernel = self.trained.convolution.kernel * tf.abs(scale)
        return tf.nn.conv2d(x, kernel, 1, [[0, 0], [1, last], [1, last], [0, 0]])

    def pool(self, x: tf.Tensor) -> tf.Tensor:
        """Returns what `convolve` gave, pooled, with its sign put right, shifted and rectified."""
        scale, shift = self._scale_and_shift()
        x = tf.nn.max_pool2d(x, self.trained.pool_size, self.trained.pool_size, "VALID")
        return tf.nn.relu(tf.nn.bias_add(x * tf.sign(scale), shift))

    def _scale_and_shift(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what the normalisation multiplies each channel by, and then adds."""
        normalization = self.trained.normalization
        scale = normalization.gamma * tf.math.rsqrt(normalization.moving_variance + normalization.epsilon)
        return scale, normalization.beta - normalization.moving_mean * scale


class ConvolvedViews(keras.layers.Layer):
    """`ShiftedViews` and the convolutions up to the first pooling.

    Of the views that are moved by a pixel only the edges are convolved: all else is the unmoved picture's, one row or column further.

    Args:
        views: makes the views: as it is, moved up, moved to the left.
        trained: the convolutions, of which the last one pools.

    Input shape: [batch, side, side, channels].
    Output shape: [3 batch, side // pool_size, side // pool_size, filters].
    """

    def __init__(self, views: ShiftedViews, trained: Sequence[ConvBatchNorm]):
        super().__init__(name="convolved_views")
        self.views = views
        self.convolutions = [Folded(layer) for layer in trained]

    def call(self, pictures):
        as_it_is, up, left = tf.split(self.views(pictures, training=False), VIEWS)
        whole = self._convolved(as_it_is)
        convolved = whole, self._moved(up, whole, axis=1), self._moved(left, whole, axis=2)
        return tf.concat([self.convolutions[-1].pool(view) for view in convolved], axis=0)

    def _convolved(self, pictures: tf.Tensor) -> tf.Tensor:
        """Returns what the last convolution pools."""
        *before, last = self.convolutions
        for convolution in before:
            pictures = convolution(pictures)
        return last.convolve(pictures)

    def _moved(self, view: tf.Tensor, whole: tf.Tensor, axis: int) -> tf.Tensor:
        """Returns what `_convolved` would give of a view that is moved by a pixel, up (axis 1) or to the left (axis 2).

        Each convolution lets what is beyond the picture's edge reach one pixel further in.

        Args:
            whole: of the pictures as they are.
        """
        reach, side = len(self.convolutions), view.shape[axis]
        edges = tf.concat([_part(view, axis, 0, 2 * reach), _part(view, axis, side - 2 * reach, side)], axis=0)
        first, last = tf.split(self._convolved(edges), 2)
        inner = _part(whole, axis, reach + 1, side - reach + 1)
        return tf.concat([_part(first, axis, 0, reach), inner, _part(last, axis, reach, 2 * reach)], axis)


def _part(images: tf.Tensor, axis: int, start: int, stop: int) -> tf.Tensor:
    """Returns rows (axis 1) or columns (axis 2) of images [n, height, width, channels]."""
    return images[:, start:stop] if axis == 1 else images[:, :, start:stop]
