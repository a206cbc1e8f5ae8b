import keras
import numpy as np
import pytest

from shared_layers.attention.bahdanau import BahdanauAttention


@pytest.fixture
def parts():
    random = np.random.default_rng(0)
    memory = random.normal(size=(2, 5, 3)).astype("float32")
    query = random.normal(size=(2, 4)).astype("float32")
    layer = BahdanauAttention(6)
    layer(query, layer.keys(memory), memory)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer, query, memory


def by_hand(layer, query, memory, mask):
    kernel, bias = (np.array(weight) for weight in layer.memory_projection.weights)
    hidden = np.tanh(memory @ kernel + bias + (query @ np.array(layer.query_projection.kernel))[:, None])
    energies = (hidden @ np.array(layer.energy.kernel))[..., 0]
    weights = np.where(mask, np.exp(energies), 0)
    weights /= weights.sum(1, keepdims=True)
    return (weights[..., None] * memory).sum(1), weights


@pytest.mark.parametrize("masked", [False, True])
def test_context_and_weights_by_hand(parts, masked):
    layer, query, memory = parts
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool) if masked else np.ones((2, 5), bool)
    context, weights = layer(query, layer.keys(memory), memory, mask=mask if masked else None)
    expected_context, expected_weights = by_hand(layer, query, memory, mask)
    np.testing.assert_allclose(context, expected_context, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-6)


def test_masked_positions_do_not_matter(parts):
    layer, query, memory = parts
    mask = np.array([[1, 1, 0, 0, 0]] * 2, bool)
    changed = memory.copy()
    changed[:, 2:] = 100.0
    first, _ = layer(query, layer.keys(memory), memory, mask=mask)
    second, _ = layer(query, layer.keys(changed), changed, mask=mask)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_half_precision_gives_half_precision_and_is_close(parts):
    layer, query, memory = parts
    half = BahdanauAttention(6, dtype="mixed_float16")
    half(query, half.keys(memory), memory)
    half.set_weights(layer.get_weights())
    context, _ = half(query.astype("float16"), half.keys(memory.astype("float16")), memory.astype("float16"))
    expected, _ = layer(query, layer.keys(memory), memory)
    assert keras.backend.standardize_dtype(context.dtype) == "float16"
    np.testing.assert_allclose(context, expected, atol=2e-2)
