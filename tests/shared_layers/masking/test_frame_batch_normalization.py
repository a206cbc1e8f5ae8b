"""FrameBatchNormalization and SubtractRunningMean against NumPy and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization
from shared_layers.masking.subtract_running_mean import SubtractRunningMean

LENGTHS = np.array([10, 6, 1, 0])


def batch(frames=10, *inner):
    return np.random.default_rng(0).normal(3, 2, (4, frames, *inner, 5)).astype(np.float32)


def dirty(sequences, further):
    longer = np.concatenate([sequences, np.zeros_like(sequences)[:, :further]], axis=1)
    for row, length in zip(longer, LENGTHS, strict=True):
        row[length:] = np.nan
    return longer


def real_frames(sequences):
    rows = [row[:length].reshape(-1, 5) for row, length in zip(sequences, LENGTHS, strict=True)]
    return np.concatenate(rows).astype(np.float64)


def test_statistics_are_those_of_the_real_frames():
    for inner in ((), (3,)):
        layer = FrameBatchNormalization(momentum=0.5)
        output = np.array(layer(dirty(batch(10, *inner), 4), LENGTHS, training=True))
        frames = real_frames(batch(10, *inner))
        mean, variance = frames.mean(0), frames.var(0)
        np.testing.assert_allclose(real_frames(output), (frames - mean) / np.sqrt(variance + 1e-3), atol=1e-5)
        assert not output[1, 6:].any()
        np.testing.assert_allclose(layer.moving_mean, 0.5 * mean, rtol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, 0.5 + 0.5 * variance, rtol=1e-5)


def test_padding_further_changes_nothing_in_training_either():
    for training in (True, False):
        plain, padded = FrameBatchNormalization(), FrameBatchNormalization()
        left = np.array(plain(batch(), LENGTHS, training=training))
        right = np.array(padded(dirty(batch(), 7), LENGTHS, training=training))
        np.testing.assert_allclose(right[:, :10], left, atol=1e-6)
        np.testing.assert_allclose(plain.moving_mean, padded.moving_mean, atol=1e-7)


def trained_a_step(dtype, affine, lengths):
    """Returns outputs, gradients and moving statistics of one step; float64 takes plain operations."""
    layer = FrameBatchNormalization(momentum=0.5, affine=affine, dtype=dtype)
    layer.build((4, 14, 3, 5), (4,))
    for weight in layer.trainable_variables:
        weight.assign_add([1.0, -2.0, 0.5, 3.0, 1.5])
    sequences = batch(14, 3)
    for row, length in zip(sequences, lengths, strict=True):
        row[length:] = np.nan
    sequences = tf.constant(sequences, dtype)
    with tf.GradientTape() as tape:
        tape.watch(sequences)
        outputs = layer(sequences, lengths, training=True)
        loss = tf.reduce_sum(outputs**3)
    gradients = tape.gradient(loss, [sequences, *layer.trainable_variables])
    return [np.asarray(value) for value in (outputs, *gradients, *layer.weights)]


@pytest.mark.parametrize("lengths", [LENGTHS, np.array([10, 10, 10, 10]), np.array([0, 0, 0, 0])], ids=str)
@pytest.mark.parametrize("affine", [True, False])
def test_the_fused_kernel_trains_as_plain_operations_do(affine, lengths):
    fused, plain = (trained_a_step(dtype, affine, lengths) for dtype in ("float32", "float64"))
    for ours, expected in zip(fused, plain, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-4 * max(1.0, np.abs(expected).max()))


def test_equals_keras_where_nothing_is_padded():
    layer, reference = FrameBatchNormalization(), keras.layers.BatchNormalization()
    full = np.full(4, 10)
    for step in range(3):
        x = batch() * (1 + step)
        np.testing.assert_allclose(layer(x, full, training=True), reference(x, training=True), atol=1e-4)
    np.testing.assert_allclose(layer(batch(), full), reference(batch()), atol=1e-4)


def test_without_scale_and_shift_there_is_nothing_to_train():
    layer = FrameBatchNormalization(affine=False)
    layer(batch(), LENGTHS)
    assert not layer.trainable_variables
    assert len(layer.non_trainable_variables) == 2


def test_running_mean_by_hand_and_of_the_past_only():
    layer = SubtractRunningMean(prior_frames=4)
    output = np.array(layer(dirty(batch(), 3), LENGTHS))
    for row, length, result in zip(batch(), LENGTHS, output, strict=True):
        for frame in range(length):
            expected = row[frame] - row[: frame + 1].sum(0) / (frame + 5)
            np.testing.assert_allclose(result[frame], expected, atol=1e-5)
        assert not result[length:].any()
