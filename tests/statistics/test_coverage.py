"""Thresholds and the area under risk over coverage, against loops that follow the definitions."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.coverage import FEWEST, area_under_risk, curve, threshold_for


def drawn(rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Answers that are right as often as they are sure, with ties."""
    generator = np.random.default_rng(5)
    sure = np.round(generator.uniform(0.3, 1, rows), 2)
    return sure, generator.random(rows) < sure


@pytest.mark.parametrize("wanted", [0.7, 0.8, 0.9])
def test_the_threshold_is_the_lowest_that_reaches_the_wanted_accuracy(wanted: float) -> None:
    sure, right = drawn()
    fits = [
        level
        for level in np.unique(sure)
        if (sure >= level).sum() >= FEWEST and right[sure >= level].mean() >= wanted
    ]
    assert threshold_for(wanted, sure, right) == min(fits)


def test_there_is_no_threshold_where_too_few_answers_reach_the_accuracy() -> None:
    sure = np.linspace(0, 1, 40)
    assert threshold_for(0.5, sure, sure > 0.95) is None


def test_the_area_is_the_mean_risk_over_all_thresholds() -> None:
    sure, right = drawn()
    sure = sure + np.arange(len(sure)) * 1e-6  # without ties
    order = np.argsort(-sure)
    risks = [1 - right[order[: given + 1]].mean() for given in range(len(sure))]
    scores = area_under_risk("area", sure, right)
    assert scores.measure(np.ones((1, len(sure))))["area"][0] == pytest.approx(np.mean(risks))


def test_equally_sure_answers_are_given_together_in_any_order() -> None:
    sure, right = drawn()
    order = np.random.default_rng(1).permutation(len(sure))
    ones = np.ones((1, len(sure)))
    areas = [
        area_under_risk("area", *each).measure(ones)["area"][0]
        for each in ((sure, right), (sure[order], right[order]))
    ]
    assert areas[0] == pytest.approx(areas[1])
    assert areas[0] == pytest.approx(np.mean([1 - right[sure >= each].mean() for each in sure]))
    assert curve(sure, right) == curve(sure[order], right[order])


def test_a_row_that_is_drawn_twice_counts_as_two_rows() -> None:
    sure, right = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    weights = np.array([[1.0, 2.0, 0.0]])
    found = area_under_risk("area", sure, right).measure(weights)["area"][0]
    assert found == pytest.approx((0 + 2 * 2 / 3) / 3)


def test_the_curve_ends_with_all_answers() -> None:
    sure, right = drawn()
    points = curve(sure, right)
    assert points[-1] == (1.0, pytest.approx(right.mean()))
    assert [x for x, _ in points] == sorted(x for x, _ in points)
