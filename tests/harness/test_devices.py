"""How a process is set up to train."""

import pytest
import tensorflow as tf

from harness import devices, training
from harness.settings import TrainingConfig


@pytest.mark.parametrize("deterministic", [True, False])
def test_determinism_is_asked_for_unless_it_is_switched_off(monkeypatch, deterministic):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    devices.set_up(1, "float32", deterministic)
    assert bool(asked) == deterministic


def test_compiling_for_several_devices_is_refused(tmp_path):
    class Config:
        training = TrainingConfig(deterministic=False, jit_compile=True)

    with pytest.raises(training.TrainingFailed, match="--strategy one"):
        training.train_phases(None, Config(), None, tmp_path, object(), None)
