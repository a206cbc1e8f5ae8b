import keras
import numpy as np
import pytest

from shared_layers.losses.smoothed_crossentropy import SmoothedSparseCategoricalCrossentropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_keras_on_one_hot_targets(smoothing):
    random = np.random.default_rng(0)
    classes, logits = random.integers(0, 6, (3, 4)), random.normal(size=(3, 4, 6)).astype("float32")
    weights = random.uniform(size=(3, 4)).astype("float32")
    reference = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    expected = reference(np.eye(6, dtype="float32")[classes], logits, sample_weight=weights)
    found = SmoothedSparseCategoricalCrossentropy(smoothing)(classes, logits, sample_weight=weights)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_half_precision_logits_are_scored_in_single():
    logits = np.array([[0.0, -8.0, -8.0]], "float16")
    expected = float(np.log1p(2 * np.exp(-8.0)))
    assert float(SmoothedSparseCategoricalCrossentropy()(np.array([0]), logits)) == pytest.approx(expected, rel=2e-4)


def test_configuration_survives():
    loss = SmoothedSparseCategoricalCrossentropy(0.2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.label_smoothing == 0.2
