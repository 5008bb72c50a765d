"""The expected calibration error, from its definition."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.problems.calibration import BINS, bins_of, calibration_error, gaps, reliability
from tasks.problems.weighted import Sums
from tasks.statistics.bootstrap import Bootstrap, centred


def by_definition(sure: np.ndarray, right: np.ndarray) -> float:
    """Guo et al. 2017, equation 5: bins that contain their upper end, written out."""
    total = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        chosen = (sure > low) & (sure <= high)
        if chosen.any():
            distance = abs(right[chosen].mean() - sure[chosen].mean())
            total += chosen.sum() / len(sure) * distance
    return float(total)


def drawn(seed: int, rows: int = 400, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers that are right as often as they are sure, less `shift`."""
    draw = np.random.default_rng(seed)
    sure = draw.uniform(0.2, 1, rows)
    return sure, draw.random(rows) < sure - shift


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_the_paper(seed: int) -> None:
    sure, right = drawn(seed, shift=0.1 * seed)
    found = calibration_error(gaps(sure, right).sum(axis=0))
    assert float(found) == pytest.approx(by_definition(sure, right), abs=1e-12)


def test_a_bin_contains_its_upper_end() -> None:
    assert bins_of(np.array([0.0, 1e-9, 0.5, 1 - 1e-9, 1.0])).tolist() == [0, 0, 7, 14, 14]


def test_it_is_a_function_of_sums_so_weights_are_rows() -> None:
    sure, right = drawn(1)
    weights = np.random.default_rng(0).integers(0, 3, (5, len(sure))).astype(float)
    scores = Sums(gaps(sure, right), lambda sums: {"error": calibration_error(sums)})
    found = scores.measure(weights)["error"]
    for value, times in zip(found, weights.astype(int), strict=True):
        rows = np.repeat(np.arange(len(sure)), times)
        assert value == pytest.approx(by_definition(sure[rows], right[rows]), abs=1e-12)
    assert scores.measure(np.zeros((1, len(sure))))["error"] == [0], "no row, and no NaN"


def test_the_diagram_shows_the_bins_that_have_rows() -> None:
    sure, right = np.array([0.5, 0.49, 0.99, 1.0]), np.array([True, False, True, True])
    assert reliability(sure, right) == [
        {"rows": 2, "sure": pytest.approx(0.495), "right": 0.5},
        {"rows": 2, "sure": pytest.approx(0.995), "right": 1.0},
    ]
    whole = reliability(*drawn(2))
    assert sum(each["rows"] for each in whole) == 400
    error = sum(each["rows"] * abs(each["right"] - each["sure"]) for each in whole) / 400
    assert error == pytest.approx(by_definition(*drawn(2)))


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_a_calibrated_model_contains_its_error(seed: int) -> None:
    """Each resample has the noise of the rows and its own, so that most errors are larger."""
    sure, right = drawn(seed, rows=150)
    scores = Sums(gaps(sure, right), lambda sums: {"error": calibration_error(sums)})
    bootstrap = Bootstrap(500, 0.95, 0)
    [values] = bootstrap.resample([scores], [str(row) for row in range(150)])
    value = by_definition(sure, right)
    assert values["error"].mean() > 1.15 * value
    low, high = bootstrap.interval(centred(values["error"], value))
    assert 0 <= low < value < high
