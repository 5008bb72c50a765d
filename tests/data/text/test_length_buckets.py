"""Batches by length: every example once an epoch, little padding, the same for the same seed."""

from itertools import chain

import numpy as np
import pytest

from tasks.data.text.length_buckets import BucketedBatches, Example, inputs_of, order_batches, pad

LENGTHS = np.random.default_rng(0).geometric(0.05, 1000).clip(3, 128).tolist()


def padding_share(batches):
    slots = sum(max(LENGTHS[i] for i in batch) * len(batch) for batch in batches)
    return 1 - sum(LENGTHS) / slots


@pytest.mark.parametrize("count", [1, 31, 32, 33, 1000])
def test_an_epoch_holds_every_example_once_and_keeps_the_short_batch(count):
    batches = order_batches(LENGTHS[:count], 32, seed=0, epoch=3)
    assert sorted(chain.from_iterable(batches)) == list(range(count))
    sizes = sorted(map(len, batches))
    assert len(sizes) == -(-count // 32)
    assert sizes[1:] == [32] * (len(sizes) - 1)


def test_the_order_is_a_function_of_seed_and_epoch():
    first = order_batches(LENGTHS, 32, seed=1, epoch=2)
    assert first == order_batches(LENGTHS, 32, seed=1, epoch=2)
    assert first != order_batches(LENGTHS, 32, seed=1, epoch=3)
    assert first != order_batches(LENGTHS, 32, seed=2, epoch=2)


def test_an_example_meets_other_neighbours_in_each_epoch():
    neighbours = [
        {frozenset(batch) for batch in order_batches(LENGTHS[:300], 32, seed=0, epoch=epoch)}
        for epoch in range(2)
    ]
    assert not neighbours[0] & neighbours[1]


def test_the_short_batch_is_not_always_the_longest_examples():
    short = [min(order_batches(LENGTHS, 32, seed=0, epoch=epoch), key=len) for epoch in range(20)]
    longest = [max(LENGTHS[i] for i in batch) for batch in short]
    assert {len(batch) for batch in short} == {8}
    assert min(longest) < 15 < 40 < max(longest)


def test_batches_are_not_sorted_by_length():
    batches = order_batches(LENGTHS, 32, seed=0, epoch=0)
    longest = [max(LENGTHS[i] for i in batch) for batch in batches]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_bucketing_takes_most_of_the_padding_away():
    order = np.random.default_rng(0).permutation(1000)
    shuffled = [order[i : i + 32].tolist() for i in range(0, 1000, 32)]
    assert padding_share(shuffled) > 0.6
    assert padding_share(order_batches(LENGTHS, 32, seed=0, epoch=0)) < 0.2


def test_any_step_can_be_asked_for_alone():
    examples = [Example([i] * length, [i]) for i, length in enumerate(LENGTHS[:50])]
    batches = BucketedBatches(
        examples, lambda chosen: inputs_of(chosen, 0), batch_size=8, epochs=3, seed=0
    )
    forwards = [batches[step]["input_ids"].tolist() for step in range(len(batches))]
    backwards = [batches[step]["input_ids"].tolist() for step in reversed(range(len(batches)))]
    assert forwards == backwards[::-1]
    assert len(batches) == 21
    with pytest.raises(IndexError, match="step 21 of 21"):
        batches[21]


def test_padding_is_masked():
    batch = inputs_of([Example([5, 6, 7], [0]), Example([8], [1])], pad_id=9)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert pad([[1], [2, 3]], -100).tolist() == [[1, -100], [2, 3]]
