"""How many labels pre-training is worth: the factor in labels at equal quality.

Two learning curves are compared at the qualities that both reach: the factor says how many times as
many labels one needs for a quality as the other, as the geometric mean over these qualities. So it
does not hang on the last points alone, where both curves may be flat. Between two measured
points a curve is a line over the logarithm of the labels, as learning curves nearly are over short
ranges (Cortes et al. 1994, "Learning curves: asymptotic values and rate of convergence", NeurIPS;
Figueroa et al. 2012, "Predicting sample size required for classification performance", BMC Medical
Informatics 12). A curve that falls by chance is taken to stay where it was. No curve is continued
beyond its points: a factor there is a bound.
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


def factors(counts: Floats, ours: Floats, other: Floats) -> Floats:
    """The factor on each resample: both curves of shape (resamples, points)."""
    return np.array([factor(counts, *pair) for pair in zip(ours, other, strict=True)])


def is_bound(ours: Floats, other: Floats) -> bool:
    """Whether the better curve needs fewer labels than were measured: its first point is above."""
    both = min(ours.max(), other.max())
    return bool(max(ours[0], other[0]) > both)
