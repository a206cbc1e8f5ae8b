"""Two replicas with half a batch each normalise, and keep the statistics, as one device with the whole batch does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import keras, numpy as np, tensorflow as tf
from shared_layers.convolution.batch_normalization import BatchNormalization
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization

devices = int(sys.argv[2])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
names = [device.name for device in tf.config.list_logical_devices("CPU")]
strategy = tf.distribute.MirroredStrategy(names) if devices > 1 else tf.distribute.get_strategy()
batch = np.random.default_rng(0).normal(3, 2, (8, 6, 5, 2)).astype("float32")
lengths = np.array([6, 5, 2, 1, 3, 6, 6, 4], "int32")
with strategy.scope():
    layer = BatchNormalization(synchronized=True) if sys.argv[1] == "pictures" else FrameBatchNormalization()
    given = [batch] if sys.argv[1] == "pictures" else [batch, lengths]
    layer.build(*(value.shape for value in given))
share = len(batch) // devices

def of_replica(context):
    i = context.replica_id_in_sync_group
    return [value[i * share : (i + 1) * share] for value in given]

@tf.function
def step(*inputs):
    return strategy.run(lambda *inputs: layer(*inputs, training=True), inputs)

inputs = [
    strategy.experimental_distribute_values_from_function(lambda context, place=place: of_replica(context)[place])
    for place in range(len(given))
]
answers = strategy.experimental_local_results(step(*inputs))
outputs = np.concatenate([answer.numpy() for answer in answers])
print(json.dumps([outputs.tolist(), layer.moving_mean.numpy().tolist(), layer.moving_variance.numpy().tolist()]))
"""


def normalised(what: str, devices: int) -> list[np.ndarray]:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, what, str(devices)], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return [np.array(values) for values in json.loads(answer.stdout.splitlines()[-1])]


@pytest.mark.parametrize("what", ["pictures", "frames"])
def test_two_replicas_share_their_statistics(what):
    one, two = normalised(what, 1), normalised(what, 2)
    for alone, together in zip(one, two, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
