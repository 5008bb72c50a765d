"""The factor in labels is the one that the curves were made with."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.labels_worth import factor, is_bound, labels_needed, open_interval

COUNTS = np.array([10.0, 30.0, 100.0, 300.0, 1000.0])


def line(times: float = 1.0) -> np.ndarray:
    """A quality that grows with the logarithm of the labels, which count `times` as much."""
    found: np.ndarray = 0.3 + 0.1 * np.log(COUNTS * times)
    return found


@pytest.mark.parametrize("times", [1.0, 2.5, 4.0, 50.0])
def test_labels_that_count_so_many_times_as_much_are_worth_so_many(times: float) -> None:
    assert factor(COUNTS, line(times), line()) == pytest.approx(times)
    assert factor(COUNTS, line(), line(times)) == pytest.approx(1 / times)


def test_a_factor_beyond_the_range_is_the_bound() -> None:
    assert factor(COUNTS, line(1e6), line()) == pytest.approx(100)
    assert factor(COUNTS, line(), line(1e6)) == pytest.approx(0.01)
    assert is_bound(line(1e6), line())
    assert not is_bound(line(4.0), line())


def test_a_dip_by_chance_does_not_count() -> None:
    dipped = line(4.0)
    dipped[3] = dipped[1]
    assert factor(COUNTS, dipped, line()) > 1
    assert labels_needed(COUNTS, dipped, dipped[1]) == pytest.approx(30)


def test_a_curve_that_is_flat_needs_no_more_labels_than_the_first_point_has() -> None:
    flat = np.full(5, 0.9)
    assert factor(COUNTS, flat, flat) == pytest.approx(1)
    assert labels_needed(COUNTS, flat, 0.9) == 10


def test_an_interval_is_open_where_resamples_lie_beyond_the_range() -> None:
    ours = np.stack([line(times) for times in (3.0, 4.0, 5.0, 1e6)] * 50)
    other = np.stack([line()] * 200)
    low, high = open_interval(COUNTS, ours, other, 0.95)
    assert low == pytest.approx(3)
    assert high is None
    low, high = open_interval(COUNTS, other, ours, 0.95)
    assert low is None
    assert high == pytest.approx(1 / 3)
    low, high = open_interval(COUNTS, ours[:3], other[:3], 0.95)
    assert (low, high) == (pytest.approx(3), pytest.approx(5))
