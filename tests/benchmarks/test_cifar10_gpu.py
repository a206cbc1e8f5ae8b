"""The measurement of the speed-run networks, at a size for a CPU."""

import json
import os

import pytest

from benchmarks import cifar10_gpu

SMALL = "--data demo --preset speedrun-cifar10 --limit 100 --batch-size 50 --steps 1 --matmul-size 64".split()


def test_both_networks_train_in_the_precision_of_the_gpu_preset_unless_told_otherwise():
    study = cifar10_gpu.Benchmark(data="demo", precision="float32")
    config = cifar10_gpu.configuration(study, study.quick_preset, 8)
    assert (config.training.epochs, config.training.precision, config.data.source) == (8, "float32", "demo")
    assert cifar10_gpu.configuration(cifar10_gpu.Benchmark(), "speedrun-cifar10").training.precision == "mixed_bfloat16"


@pytest.mark.long
@pytest.mark.parametrize(("target", "tried"), [("0", 1), ("1", 2)], ids=["the first reaches it", "none reaches it"])
def test_what_is_measured_is_written(tmp_path, target, tried):
    output = tmp_path / "gpu.json"
    assert cifar10_gpu.main([*SMALL, "--passes", "1", "2", "--target", target, "--output", str(output)]) == 0
    found = json.loads(output.read_text())
    speed, trainings = found["speed"], found["trainings"]
    assert speed["training_flop_per_picture"] == 6 * 118_147_360
    achieved = speed["images_per_second_cached_batch"] * 6 * 118_147_360
    assert speed["share_of_matmul"] == pytest.approx(achieved / speed["matmul_flop_per_second"])
    assert len(trainings) == tried and all(0 < one["accuracy"] < 1 and one["seconds"] > 0 for one in trainings)
    assert found["seconds_to_target"] == (trainings[0]["seconds"] if tried == 1 else None)
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
