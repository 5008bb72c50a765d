"""How many labels pre-training is worth: the factor in labels at equal quality.

Two learning curves are compared at the qualities that both reach: the factor says how many times as
many labels one needs for a quality as the other, as the geometric mean over these qualities. So it
does not hang on the last points alone, where both curves may be flat. Between two measured
points a curve is a line over the logarithm of the labels, as learning curves nearly are over short
ranges (Cortes et al. 1994, "Learning curves: asymptotic values and rate of convergence", NeurIPS;
Figueroa et al. 2012, "Predicting sample size required for classification performance", BMC Medical
Informatics 12). A curve that falls by chance is taken to stay where it was. No curve is continued
beyond its points: a factor there is a bound, on a resample as well, so that an interval can be
open.
"""

from __future__ import annotations

import numpy as np

from tasks.problems.weighted import Floats

LEVELS = 16  # of quality that the mean is over


def labels_needed(counts: Floats, curve: Floats, wanted: float) -> float:
    """How many labels a curve needs for a quality: the lowest count where that is less.

    Args:
        counts: labels at each point, ascending.
        curve: the quality at each, higher is better.
        wanted: a quality that the curve reaches.
    """
    highest = np.maximum.accumulate(curve)
    place = int(np.searchsorted(highest, wanted, side="left"))
    if place == 0:
        return float(counts[0])
    place = min(place, len(counts) - 1)
    below, above = highest[place - 1], highest[place]
    part = 1.0 if above <= below else min((wanted - below) / (above - below), 1.0)
    logs = np.log(counts)
    return float(np.exp(logs[place - 1] + part * (logs[place] - logs[place - 1])))


def factor(counts: Floats, ours: Floats, other: Floats) -> float:
    """How many times as many labels the other curve needs as ours; below 1 if it needs fewer.

    Args:
        counts: labels at each point, ascending.
        ours: the quality at each of the curve that is judged, higher is better.
        other: that of the curve that it is compared with.

    Returns:
        From the lowest count divided by the highest to its inverse, which are bounds.
    """
    highest = min(ours.max(), other.max())
    lowest = min(max(ours[0], other[0]), highest)
    logs = [
        np.log(labels_needed(counts, other, level) / labels_needed(counts, ours, level))
        for level in np.linspace(lowest, highest, LEVELS)
    ]
    return float(np.exp(np.mean(logs)))


def ends_of(counts: Floats, ours: Floats, other: Floats) -> tuple[float, float]:
    """The least and the most that the factor can be: infinite and 0 beyond the measured range."""
    found = factor(counts, ours, other)
    if not is_bound(ours, other):
        return found, found
    return (found, np.inf) if ours[0] > other[0] else (0.0, found)


def open_interval(
    counts: Floats, ours: Floats, other: Floats, confidence: float
) -> tuple[float | None, float | None]:
    """The percentile interval of the factor; None for an end that lies beyond the range.

    Args:
        counts: labels at each point, ascending.
        ours: one curve on each resample, of shape (resamples, points).
        other: the other one.
        confidence: coverage, such as 0.95.
    """
    ends = np.array([ends_of(counts, *pair) for pair in zip(ours, other, strict=True)])
    tail = (1 - confidence) / 2
    # Values of resamples, not between two of them: the next one may be infinite.
    low = float(np.quantile(ends[:, 0], tail, method="lower"))
    high = float(np.quantile(ends[:, 1], 1 - tail, method="higher"))
    return low or None, high if high < np.inf else None


def is_bound(ours: Floats, other: Floats) -> bool:
    """Whether the better curve needs fewer labels than were measured: its first point is above."""
    both = min(ours.max(), other.max())
    return bool(max(ours[0], other[0]) > both)
