"""The network on pictures of any size, whole and in tiles."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.denoising import models, tiles
from apps.denoising.config import Config, ConvolutionalAutoencoder
from apps.denoising.presets import DEFAULT, PRESETS


def network(skip_connections=True, channels=3, widths=(4, 6, 8), random=True):
    keras.utils.set_random_seed(0)
    model = models.build(Config(model=ConvolutionalAutoencoder(widths, 1, skip_connections)), {"channels": channels})
    if random:
        generator = np.random.default_rng(0)
        model.set_weights([0.15 * generator.standard_normal(w.shape, np.float32) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("skip_connections", [True, False])
@pytest.mark.parametrize("height, width", [(1, 1), (5, 7), (16, 16), (33, 18)])
def test_answers_in_the_size_of_the_picture(skip_connections, height, width):
    pictures = np.random.default_rng(0).random((2, height, width, 3), np.float32)
    assert network(skip_connections)(pictures).shape == pictures.shape


def test_starts_as_the_identity():
    pictures = np.random.default_rng(0).random((2, 9, 9, 3), np.float32)
    np.testing.assert_array_equal(network(random=False)(pictures), pictures)


@pytest.mark.parametrize("skip_connections", [True, False])
def test_answers_in_proportion(skip_connections):
    model = network(skip_connections)
    pictures = np.random.default_rng(0).random((2, 12, 12, 3), np.float32)
    np.testing.assert_allclose(model(3 * pictures), 3 * model(pictures).numpy(), rtol=1e-4, atol=1e-5)


def test_skip_connections_change_the_answer_and_cost_no_weights():
    assert network(True).count_params() == network(False).count_params()
    pictures = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    assert np.abs(network(True)(pictures) - network(False)(pictures)).max() > 0.01


def test_last_layer_stays_in_single_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network(random=False)
    finally:
        keras.config.set_dtype_policy("float32")
    pictures = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    np.testing.assert_array_equal(model(pictures), pictures)


def test_loads_where_only_the_shared_layers_are(tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    pictures = np.random.default_rng(0).random((1, 10, 13, 3), np.float32)
    np.save(tmp_path / "in.npy", pictures)
    program = (
        "import keras, numpy, sys, shared_layers.images.reflection_padding\n"
        f"model = keras.models.load_model(r'{tmp_path}/model.keras', safe_mode=True)\n"
        f"numpy.save(r'{tmp_path}/out.npy', model(numpy.load(r'{tmp_path}/in.npy')))\n"
        "assert not any(name.startswith('apps') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), model(pictures), atol=1e-5)


def reach(widths, blocks):
    """Pixels that a network sees to one side, counted by hand: every 3 x 3 convolution adds its own stride."""
    levels = len(widths)
    at_full_size = 2  # stem and head
    around = sum(2 * 2 * blocks * 2**level for level in range(levels - 1)) + 2 * blocks * 2 ** (levels - 1)
    strides = sum(2 * 2**level for level in range(levels - 1))
    return at_full_size + around + strides


def test_margin_of_the_tiles_covers_what_every_preset_sees():
    assert DEFAULT in PRESETS
    for preset in PRESETS.values():
        assert reach(preset.config.model.widths, preset.config.model.blocks) <= tiles.MARGIN
        assert tiles.STEP % 2 ** (len(preset.config.model.widths) - 1) == 0


@pytest.mark.parametrize("channels, height, width", [(3, 520, 700), (1, 900, 300)])
def test_tiles_answer_like_the_whole_picture_away_from_its_edge(channels, height, width):
    model = network(channels=channels)
    picture = np.random.default_rng(0).random((height, width, channels), np.float32)
    whole = np.clip(model(picture[None])[0], 0.0, 1.0)
    signature = [tf.TensorSpec([None, None, channels], tf.float32)]
    tiled = tf.function(lambda noisy: tiles.clean_picture(model, noisy), input_signature=signature)(picture).numpy()
    assert tiled.shape == whole.shape
    np.testing.assert_allclose(tiled[40:-40, 40:-40], whole[40:-40, 40:-40], atol=2e-5)
    assert whole.std() > 0.01 and np.isfinite(tiled).all()


def test_small_pictures_pass_whole():
    model = network()
    picture = np.random.default_rng(0).random((50, 41, 3), np.float32)
    whole = np.clip(model(picture[None])[0], 0.0, 1.0)
    np.testing.assert_allclose(tiles.clean_picture(model, tf.constant(picture)), whole, atol=1e-6)
