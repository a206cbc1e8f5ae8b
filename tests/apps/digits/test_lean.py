"""The network that the SavedModel runs against the trained one it comes from."""

import keras
import numpy as np
import pytest

from apps.digits import rejection
from apps.digits.config import ConvNet, LectureCNN
from apps.digits.lean import lean
from apps.digits.models.convnet import build_convnet, build_lecture_cnn
from shared_layers.convolution.conv_batch_norm import ConvBatchNorm

PICTURES = np.random.default_rng(0).uniform(0, 255, (7, 28, 28)).astype(np.float32)


def trained(settings) -> keras.Model:
    """Returns a network whose normalisations do something, some channels' by a negative scale."""
    keras.utils.set_random_seed(1)
    model = build_convnet(settings, 10)
    random = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, ConvBatchNorm):
            low, high = (random.uniform(0.2, 1.0, layer.filters) for _ in range(2))
            signs = random.choice([-1.0, 1.0], layer.filters)
            layer.normalization.set_weights([signs * (low + 0.5), low - 0.5, 0.1 * high, high])
    return model


@pytest.mark.parametrize("average_shifts", [True, False])
@pytest.mark.parametrize(("convolutions", "pool_after"), [(1, 1), (2, 1), (3, 2), (3, 3), (15, 15)])
def test_answers_as_the_trained_network_does(average_shifts, convolutions, pool_after):
    settings = ConvNet((4, 6, 8), convolutions, pool_after=pool_after, dropout=0.1, average_shifts=average_shifts)
    model = trained(settings)
    expected = rejection.with_features(model)(PICTURES, training=False)
    answers = rejection.with_features(lean(settings, model))(PICTURES, training=False)
    for answer, wanted in zip(answers, expected, strict=True):
        assert np.std(wanted) > 1e-3
        np.testing.assert_allclose(answer, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_other_networks_stay_as_they_are():
    model = build_lecture_cnn(LectureCNN(), 10)
    assert lean(LectureCNN(), model) is model


def test_a_network_of_lower_precision_stays_as_it_is():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_convnet(ConvNet((4, 6)), 10)
    finally:
        keras.config.set_dtype_policy("float32")
    assert lean(ConvNet((4, 6)), model) is model


def test_has_no_weights_of_its_own():
    model = trained(ConvNet((4, 6), average_shifts=True))
    leaner = lean(ConvNet((4, 6), average_shifts=True), model)
    assert {id(weight) for weight in leaner.weights} <= {id(weight) for weight in model.weights}
