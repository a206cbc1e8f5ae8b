import keras
import numpy as np
import pytest

from shared_layers.attention.attention_decoder import AttentionDecoder
from shared_layers.attention.captioner import Captioner


def make(trainable=True):
    keras.utils.set_random_seed(3)
    pictures = keras.Input((8, 8, 3))
    grid = keras.layers.BatchNormalization(name="normalization")(
        keras.layers.Conv2D(4, 3, strides=2, padding="same")(pictures)
    )
    encoder = keras.Model(pictures, keras.layers.Reshape((-1, 4))(grid), name="encoder")
    encoder.trainable = trainable
    return Captioner(encoder, AttentionDecoder(12, units=8, embedding_width=6, attention_units=5, dropout=0.2))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype("float32")


def test_features_handed_in_are_those_of_the_pictures(pictures):
    model, words = make(), np.ones((4, 5), "int32")
    features = model.features(pictures)
    np.testing.assert_allclose(
        model({"pictures": pictures, "words": words}), model({"features": features, "words": words}), atol=1e-6
    )


@pytest.mark.parametrize("trained", [False, True])
def test_saved_model_loads_with_the_same_answers(pictures, trained, tmp_path):
    model, words = make(), np.tile(np.arange(5, dtype="int32"), (4, 1))
    inputs = {"pictures": pictures, "words": words}
    if trained:
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(inputs, words, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(np.array(loaded(inputs)), np.array(model(inputs)))
    assert loaded.count_params() == model.count_params()


def test_frozen_encoder_stays_as_it_was(pictures):
    model, words = make(trainable=False), np.ones((4, 5), "int32")
    before = [np.array(weight) for weight in model.encoder.weights]
    decoder = [np.array(weight) for weight in model.decoder.trainable_weights]
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit({"pictures": pictures, "words": words}, words, epochs=2, verbose=0)
    for old, weight in zip(before, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(old, np.array(weight))
    moved = [
        np.abs(old - np.array(new)).max() for old, new in zip(decoder, model.decoder.trainable_weights, strict=True)
    ]
    assert max(moved) > 1e-4
