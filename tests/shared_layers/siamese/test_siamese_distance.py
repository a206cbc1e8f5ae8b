"""The siamese head and its loss: against SciPy, and what training by them does."""

import keras
import numpy as np
import scipy.spatial.distance
import tensorflow as tf

from shared_layers.losses.contrastive import ContrastiveLoss
from shared_layers.siamese.siamese_distance import SiameseDistance

FIRST, SECOND = np.random.default_rng(0).standard_normal((2, 6, 5)).astype(np.float32)


def test_the_distance_is_euclids():
    expected = [scipy.spatial.distance.euclidean(a, b) for a, b in zip(FIRST, SECOND, strict=True)]
    np.testing.assert_allclose(SiameseDistance()(FIRST, SECOND), expected, rtol=1e-5)


def test_equal_embeddings_have_no_distance_and_a_finite_gradient():
    first = tf.constant(FIRST)
    with tf.GradientTape() as tape:
        tape.watch(first)
        distance = SiameseDistance()(first, tf.constant(FIRST))
    np.testing.assert_allclose(distance, 0.0, atol=2e-4)
    assert np.isfinite(tape.gradient(distance, first)).all()


def test_the_loss_is_that_of_the_papers_equation():
    """Hadsell 2006, equation 4, pair by pair; there Y is 1 for pairs of different kinds."""
    distances = np.array([0.2, 0.9, 0.2, 0.9, 3.0], np.float32)
    same = np.array([1, 1, 0, 0, 0])
    expected = [(1 - y) / 2 * d**2 + y / 2 * max(0.0, 1.25 - d) ** 2 for y, d in zip(1 - same, distances, strict=True)]
    loss = ContrastiveLoss(1.25, reduction=None)
    np.testing.assert_allclose(loss(same, distances), expected, rtol=1e-6)
    np.testing.assert_allclose(ContrastiveLoss(1.25)(same[:, None], distances), np.mean(expected), rtol=1e-6)


def test_training_by_it_parts_two_kinds_by_the_margin():
    """Embeddings that can move freely: pairs of one kind end together, others at the margin and no farther."""
    keras.utils.set_random_seed(1)
    places = tf.Variable(0.1 * FIRST[:4, :2])
    kinds = np.array([0, 0, 1, 1])
    a, b = np.triu_indices(4, 1)
    loss, head = ContrastiveLoss(1.0), SiameseDistance()
    for _ in range(400):
        with tf.GradientTape() as tape:
            value = loss(kinds[a] == kinds[b], head(tf.gather(places, a), tf.gather(places, b)))
        places.assign_sub(0.5 * tf.convert_to_tensor(tape.gradient(value, places)))
    distances = np.asarray(head(tf.gather(places, a), tf.gather(places, b)))
    assert distances[kinds[a] == kinds[b]].max() < 0.05
    np.testing.assert_allclose(distances[kinds[a] != kinds[b]], 1.0, atol=0.05)
