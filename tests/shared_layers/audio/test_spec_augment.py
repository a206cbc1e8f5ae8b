"""What SpecAugment blots out."""

import keras
import numpy as np

from shared_layers.audio.spec_augment import SpecAugment


def stretches(covered):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], covered.astype(int), [0]])))
    return edges[1::2] - edges[::2]


def test_masks_are_whole_bands_and_stretches_inside_the_limits():
    layer = SpecAugment(frequency_masks=1, frequency_width=9, time_masks=1, time_width=12, time_share=0.2, seed=3)
    lengths = np.array([100] * 150 + [40] * 150)
    output = np.array(layer(np.ones((300, 100, 30), np.float32), lengths, training=True))
    assert set(np.unique(output)) == {0.0, 1.0}
    rows, columns = (output == 0).all(axis=2), (output == 0).all(axis=1)
    np.testing.assert_array_equal(output == 0, rows[:, :, None] | columns[:, None, :])
    widths = [stretches(row).sum() for row in columns]
    times = [stretches(row).sum() for row in rows]
    assert max(len(stretches(row)) for row in [*columns, *rows]) == 1
    assert max(widths) == 9
    assert min(widths) == 0
    assert max(times[:150]) == 12
    assert max(times[150:]) == 8  # 20 % of 40 frames
    assert not rows[150:, 40:].any()  # never wasted on padding


def test_every_position_is_reached_and_draws_differ():
    layer = SpecAugment(frequency_masks=2, frequency_width=8, time_masks=2, time_width=10, seed=0)
    features, lengths = np.ones((200, 60, 20), np.float32), np.full(200, 60)
    first, second = (np.array(layer(features, lengths, training=True)) for _ in range(2))
    assert (first != second).any()
    assert (first == 0).all(axis=1).any(axis=0).all()
    assert (first == 0).all(axis=2).any(axis=0).all()


def test_same_seed_same_masks():
    features, lengths = np.ones((4, 60, 20), np.float32), np.full(4, 60)
    first, second = (np.array(SpecAugment(seed=5)(features, lengths, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_nothing_happens_outside_training_or_without_masks():
    features, lengths = keras.random.normal((3, 50, 10)), np.full(3, 50)
    np.testing.assert_array_equal(SpecAugment()(features, lengths), features)
    plain = SpecAugment(frequency_masks=0, time_masks=0)
    np.testing.assert_array_equal(plain(features, lengths, training=True), features)
