"""Index plans: whole passes, new orders, and the same batches after a resume."""

import numpy as np
import pytest

from harness.batching import bucketed_plan, in_order_plan, index_batches, shuffled_plan


def take(dataset, count):
    return [(indices.tolist(), seed.tolist()) for indices, seed in dataset.take(count).as_numpy_iterator()]


def test_shuffled_plan_covers_each_example_once_a_pass_and_changes_the_order():
    plan = shuffled_plan(12, 4, seed=3)
    first, second = np.concatenate(plan(0)), np.concatenate(plan(1))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first.tolist() != second.tolist()
    assert first.tolist() == np.concatenate(shuffled_plan(12, 4, seed=3)(0)).tolist()


def test_bucketed_plan_puts_similar_lengths_together_without_repeating_an_example():
    lengths = np.random.default_rng(0).integers(10, 1000, 103)
    batches = bucketed_plan(lengths, 10, seed=1)(0)
    assert batches.shape == (10, 10)
    assert len(np.unique(batches)) == 100
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < 0.6 * np.ptp(lengths)
    assert [b[0] for b in batches] != sorted((b[0] for b in batches), key=lambda i: lengths[i])


def test_in_order_plan_leaves_no_device_without_an_example():
    sizes = [len(batch) for batch in in_order_plan(101, 50)(0)]
    assert sum(sizes) == 101
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("first_step", [0, 1, 3, 7])
def test_a_resumed_stream_goes_on_where_the_whole_one_is(first_step):
    plan = shuffled_plan(10, 3, seed=5)
    whole = take(index_batches(plan, seed=5), 12)
    rest = take(index_batches(plan, seed=5, first_step=first_step), 12 - first_step)
    assert rest == whole[first_step:]
    assert len({tuple(seed) for _, seed in whole}) == 12


def test_too_few_examples_for_a_batch_is_an_error():
    with pytest.raises(ValueError, match=r"3 training examples .* --training.batch-size 3"):
        shuffled_plan(3, 4, seed=0)
