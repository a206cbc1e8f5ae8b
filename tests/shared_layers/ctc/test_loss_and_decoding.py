"""CTC loss, decoders and model against the sum over every path."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared_layers.ctc.decoding import beam_decode, greedy_decode
from shared_layers.ctc.label_error_rate import LabelErrorRate
from shared_layers.ctc.loss import ctc_loss, frames_needed
from shared_layers.ctc.model import CTCModel


def written(path, blank):
    """The labels a path stands for: repeats collapsed, then blanks dropped."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def probabilities_of_labels(logits):
    """Every label sequence -> its probability, by adding up all paths. logits [frames, classes]."""
    frames, classes = logits.shape
    softmax = np.exp(logits - logits.max(-1, keepdims=True))
    softmax /= softmax.sum(-1, keepdims=True)
    totals = {}
    for path in itertools.product(range(classes), repeat=frames):
        labels = written(path, classes - 1)
        totals[labels] = totals.get(labels, 0.0) + np.prod(softmax[np.arange(frames), path])
    return totals


def random_logits(count=3, frames=5, classes=4, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (count, frames, classes)).astype(np.float32)


@pytest.mark.parametrize("labels", [[0], [0, 1], [1, 1], [2, 0, 2]])
@pytest.mark.parametrize("length", [3, 5])
def test_loss_is_the_sum_over_all_paths(labels, length):
    logits = random_logits(1)
    expected = -np.log(probabilities_of_labels(logits[0, :length].astype(np.float64))[tuple(labels)])
    padded = np.array([labels + [-1] * (4 - len(labels))], np.int32)
    loss = ctc_loss(tf.constant(padded), tf.constant(logits), tf.constant([length]))
    np.testing.assert_allclose(loss, [expected], rtol=1e-5)


def test_gradient_is_the_derivative_of_the_sum_over_all_paths():
    logits, labels, length = random_logits(1)[:, :4], (0, 2), 4
    with tf.GradientTape() as tape:
        variable = tf.Variable(logits)
        loss = ctc_loss(tf.constant([[0, 2]]), variable, tf.constant([length]))
    gradient = tape.gradient(loss, variable).numpy()[0]
    step, expected = 1e-4, np.zeros_like(gradient)
    for place in np.ndindex(*gradient.shape):
        sides = []
        for sign in (1, -1):
            moved = logits[0].astype(np.float64)
            moved[place] += sign * step
            sides.append(-np.log(probabilities_of_labels(moved)[labels]))
        expected[place] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_padded_frames_count_for_nothing():
    logits = random_logits(2, frames=5)
    labels, lengths = tf.constant([[0, 1], [2, -1]]), tf.constant([5, 3])
    dirty = np.concatenate([logits, 50 * random_logits(2, frames=4, seed=9)], axis=1)
    dirty[1, 3:] = 99.0
    with tf.GradientTape() as tape:
        variable = tf.Variable(dirty)
        loss = ctc_loss(labels, variable, lengths)
    np.testing.assert_allclose(loss, ctc_loss(labels, tf.constant(logits), lengths), rtol=1e-6)
    gradient = tape.gradient(loss, variable).numpy()
    assert not gradient[0, 5:].any()
    assert not gradient[1, 3:].any()


def test_without_a_path_the_loss_is_infinite_and_never_quietly_finite():
    assert frames_needed([0, 0, 1]) == 4
    logits, labels = tf.constant(random_logits(1)), tf.constant([[0, 0, 1]])
    assert np.isfinite(ctc_loss(labels, logits, tf.constant([4]))).all()
    assert np.isposinf(ctc_loss(labels, logits, tf.constant([3]))).all()
    with pytest.raises(tf.errors.InvalidArgumentError):
        ctc_loss(labels, logits, tf.constant([2]))


def test_bfloat16_logits_are_computed_in_float32():
    logits = tf.cast(random_logits(1), tf.bfloat16)
    loss = ctc_loss(tf.constant([[0, 1]]), logits, tf.constant([5]))
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, ctc_loss(tf.constant([[0, 1]]), tf.cast(logits, tf.float32), tf.constant([5])))


@pytest.mark.parametrize("seed", range(8))
def test_greedy_is_the_best_path(seed):
    logits = random_logits(4, frames=7, seed=seed)
    lengths = [7, 4, 1, 0]
    expected = [list(written(row[:length].argmax(-1), 3)) for row, length in zip(logits, lengths, strict=True)]
    assert greedy_decode(tf.constant(logits), tf.constant(lengths)).to_list() == expected


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_finds_the_most_probable_labels(seed):
    logits = random_logits(3, frames=5, seed=seed)
    lengths = [5, 4, 2]
    labels, log_probabilities = beam_decode(tf.constant(logits), tf.constant(lengths), 1000)
    for row, length, found, value in zip(logits, lengths, labels.to_list(), log_probabilities.numpy(), strict=True):
        totals = probabilities_of_labels(row[:length].astype(np.float64))
        best = max(totals, key=totals.get)
        assert tuple(found) == best
        np.testing.assert_allclose(value, np.log(totals[best]), atol=1e-4)


def test_beam_keeps_repeated_labels_apart_by_blanks():
    logits = tf.constant([[[9.0, 0, 0], [0, 0, 9.0], [9.0, 0, 0], [0, 9.0, 0]]])
    assert beam_decode(logits, tf.constant([4]), 4)[0].to_list() == [[0, 0, 1]]
    assert greedy_decode(logits, tf.constant([4])).to_list() == [[0, 0, 1]]


def test_blanks_alone_give_no_labels():
    logits = tf.one_hot([[2, 2, 2], [0, 2, 2]], 3) * 20
    assert greedy_decode(logits, tf.constant([3, 3])).to_list() == [[], [0]]
    labels, log_probabilities = beam_decode(logits, tf.constant([3, 3]), 4)
    assert labels.to_list() == [[], [0]]
    np.testing.assert_allclose(log_probabilities, 0, atol=1e-4)


def test_label_error_rate_by_hand():
    metric = LabelErrorRate()
    logits = tf.one_hot([[0, 1, 3, 2, 3], [3, 3, 3, 3, 3], [1, 1, 1, 2, 2]], 4)
    # right but for one substitution; two deletions; one insertion
    metric.update_state(tf.constant([[0, 2, 2], [1, 1, -1], [2, -1, -1]]), logits, tf.constant([5, 5, 5]))
    assert float(metric.result()) == pytest.approx((1 + 2 + 1) / 6)
    metric.update_state(tf.constant([[1, 1]]), tf.one_hot([[1, 3, 1]], 4), tf.constant([3]))
    assert float(metric.result()) == pytest.approx(4 / 8)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def small_model():
    sequences, frames = keras.Input((None, 4), name="sequences"), keras.Input((), dtype="int32", name="frames")
    logits = keras.layers.Dense(3, name="logits")(sequences)
    return CTCModel({"sequences": sequences, "frames": frames}, {"logits": logits, "frames": frames})


def examples(count=8):
    generator = np.random.default_rng(0)
    sequences = generator.standard_normal((count, 6, 4)).astype(np.float32)
    labels = np.array([[0, 1], [1, -1]] * (count // 2), np.int32)
    return {"sequences": sequences, "frames": np.array([6, 4] * (count // 2), np.int32)}, labels


def test_model_loss_is_the_mean_and_weights_count():
    model = small_model()
    x, labels = examples()
    model.compile("sgd")
    outputs = model(x)
    each = ctc_loss(labels, outputs["logits"], outputs["frames"]).numpy()
    assert float(model.compute_loss(x, labels, outputs)) == pytest.approx(each.mean(), rel=1e-6)
    weights = np.array([1.0, 0.0] * 4, np.float32)
    weighted = float(model.compute_loss(x, labels, outputs, sample_weight=weights))
    assert weighted == pytest.approx((each * weights).mean(), rel=1e-6)


def test_model_learns_saves_and_loads(tmp_path):
    keras.utils.set_random_seed(0)
    model = small_model()
    x, labels = examples()
    model.compile(keras.optimizers.Adam(0.1))
    history = model.fit(x, labels, batch_size=4, epochs=30, validation_data=(x, labels), verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["val_label_error_rate"][-1] < history["val_label_error_rate"][0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(again, CTCModel)
    np.testing.assert_array_equal(model(x)["logits"], again(x)["logits"])
