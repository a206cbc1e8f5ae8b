"""Pairs of workers whose times are known."""

import sys

import pytest

from benchmarks import pairs

SCRIPT = "import sys; print('fake 1', flush=True)\nfor line in sys.stdin: print({clock} * int(line), {processor}, flush=True)"


def test_ratios_are_those_of_the_workers_times():
    commands = {
        "ours": [sys.executable, "-c", SCRIPT.format(clock=0.5, processor=2.0)],
        "torch": [sys.executable, "-c", SCRIPT.format(clock=2.0, processor=3.0)],
    }
    found = pairs.measured(commands, examples=10, pairs=3, steps=4)
    wall, processor = found["by_wall_clock"], found["by_processor_time"]
    assert wall["ours_examples_per_second"] == [20.0] * 3 and wall["torch_examples_per_second"] == [5.0] * 3
    assert wall["median_ratio"] == 4.0 and processor["ratios"] == [1.5] * 3
    assert found["versions"] == {"ours": "fake 1", "torch": "fake 1"}


def test_a_worker_that_ends_at_once_is_named():
    with pytest.raises(SystemExit, match="ended without an answer"):
        pairs.Worker([sys.executable, "-c", "raise SystemExit(1)"])
