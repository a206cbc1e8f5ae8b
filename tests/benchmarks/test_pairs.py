"""Pairs of workers whose times are known."""

import sys

import pytest

from benchmarks import pairs

SCRIPT = "import sys; print('{weights} fake 1', flush=True)\nfor line in sys.stdin: print({clock} * int(line), {processor}, flush=True)"


def test_ratios_are_those_of_the_workers_times():
    commands = {
        "ours": [sys.executable, "-c", SCRIPT.format(weights=1000, clock=0.5, processor=2.0)],
        "torch": [sys.executable, "-c", SCRIPT.format(weights=1009, clock=2.0, processor=3.0)],
    }
    found = pairs.measured(commands, examples=10, pairs=3, steps=4)
    wall, processor = found["by_wall_clock"], found["by_processor_time"]
    assert wall["ours_examples_per_second"] == [20.0] * 3 and wall["torch_examples_per_second"] == [5.0] * 3
    assert wall["median_ratio"] == 4.0 and processor["ratios"] == [1.5] * 3
    assert found["versions"] == {"ours": "fake 1", "torch": "fake 1"}
    assert found["weights"] == {"ours": 1000, "torch": 1009}


def test_networks_of_other_sizes_are_not_compared():
    commands = {
        name: [sys.executable, "-c", SCRIPT.format(weights=weights, clock=1.0, processor=1.0)]
        for name, weights in (("ours", 1000), ("torch", 1020))
    }
    with pytest.raises(SystemExit, match="ours trains 1,000 weights, the other 1,020"):
        pairs.measured(commands, examples=10, pairs=1, steps=1)


def test_a_worker_that_ends_at_once_is_named():
    with pytest.raises(SystemExit, match="ended without an answer"):
        pairs.Worker([sys.executable, "-c", "raise SystemExit(1)"])
