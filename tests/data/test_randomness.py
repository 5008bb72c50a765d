"""Random numbers by counters: known values, even, independent, and permutations that are ones."""

import numpy as np

from tasks.data.randomness import below, draw, permuted, unit


def test_numbers_are_those_of_splitmix64():
    # The first outputs of the reference implementation from state 0 (Vigna, splitmix64.c).
    assert int(draw(0)) == 0xE220A8397B1DCDAF


def test_numbers_depend_on_every_counter_and_nothing_else():
    whole = draw(1, 2, np.arange(100))
    assert np.array_equal(whole[40:60], draw(1, 2, np.arange(40, 60)))
    assert len({int(draw(*key)) for key in [(1, 2), (2, 1), (1, 3), (1, 2, 0), (0, 1, 2)]}) == 5


def test_numbers_are_even():
    bits = draw(7, np.arange(100_000))
    assert abs(unit(bits).mean() - 0.5) < 0.005
    assert (np.abs(np.bincount(below(bits, 10)) - 10_000) < 500).all()
    assert below(bits, 10).max() == 9


def test_neighbouring_counters_are_not_correlated():
    grid = unit(draw(3, np.arange(300)[:, None], np.arange(300)))
    assert abs(np.corrcoef(grid[:-1].ravel(), grid[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(grid[:, :-1].ravel(), grid[:, 1:].ravel())[0, 1]) < 0.02


def test_every_position_is_permuted_to_a_place_of_its_own():
    for size in (1, 2, 3, 64, 65, 1000, 1025):
        assert sorted(permuted(np.arange(size), size, 5)) == list(range(size))


def test_keys_permute_differently_and_mix_well():
    places = np.arange(10_000)
    first, second = permuted(places, 10_000, 1), permuted(places, 10_000, 2)
    assert (first == second).sum() < 20
    assert abs(np.corrcoef(places, first)[0, 1]) < 0.05
    assert (first == places).sum() < 10


def test_a_batch_across_epochs_is_permuted_with_the_key_of_each():
    keys = np.array([4, 4, 9])
    batch = permuted(np.array([98, 99, 0]), 100, keys)
    assert batch[0] == permuted(np.arange(100), 100, 4)[98]
    assert batch[2] == permuted(np.arange(100), 100, 9)[0]
