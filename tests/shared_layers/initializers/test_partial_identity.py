"""Convolutions that start as partial identities."""

import keras
import numpy as np
import pytest

from shared_layers.convolution.conv_batch_norm import ConvBatchNorm
from shared_layers.initializers.partial_identity import PartialIdentity


@pytest.mark.parametrize(("channels", "filters"), [(3, 5), (4, 4), (5, 3)])
def test_the_first_outputs_are_the_inputs(channels, filters):
    pictures = np.random.default_rng(0).standard_normal((2, 6, 7, channels)).astype(np.float32)
    layer = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=PartialIdentity())
    copies = min(channels, filters)
    outputs = layer(pictures).numpy()
    np.testing.assert_allclose(outputs[..., :copies], pictures[..., :copies], atol=1e-6)
    assert all(np.abs(outputs[..., place] - pictures[..., 0]).max() > 0.1 for place in range(copies, filters))


def test_the_other_filters_are_uniform_and_bounded_by_their_inputs():
    others = PartialIdentity(seed=1)((3, 3, 16, 200)).numpy()[..., 16:]
    bound = 1 / np.sqrt(9 * 16)
    assert 0.99 * bound < np.abs(others).max() <= bound
    assert others.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)


def test_kernels_without_a_middle_are_refused():
    for shape in ((2, 2, 3, 4), (3, 4)):
        with pytest.raises(ValueError, match="odd height and width"):
            PartialIdentity()(shape)


def test_a_block_with_it_is_saved_and_loaded(tmp_path):
    block = ConvBatchNorm(4, kernel_initializer=PartialIdentity(seed=3), scale=False)
    model = keras.Sequential([keras.Input((5, 5, 3)), block])
    assert [v.path.split("/")[-1] for v in block.trainable_variables] == ["kernel", "beta"]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True).layers[0]
    assert again.get_config() == block.get_config()
    assert isinstance(again.convolution.kernel_initializer, PartialIdentity)
