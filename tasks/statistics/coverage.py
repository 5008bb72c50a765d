"""Coverage against accuracy: a model that answers only where it is sure enough.

Answers are ordered by their probability. A threshold splits them into those that are given and
those that are left to a person: the coverage is the share that is given, the risk the share of
these that is wrong (El-Yaniv & Wiener 2010, "On the foundations of noise-free selective
classification", JMLR 11; Geifman & El-Yaniv 2017, "Selective classification for deep neural
networks", NeurIPS). The area under the curve of risk over coverage is the mean risk over all
thresholds: 0 is best. No threshold splits answers that are equally sure: they are given together,
in whatever order the rows are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.problems.weighted import ByRow, Floats, Values

FEWEST = 10  # answers behind a threshold: the accuracy of fewer says nothing
POINTS = 200  # of a curve


def threshold_for(wanted: float, sure: Floats, right: NDArray[np.bool_]) -> float | None:
    """The lowest threshold from which on at least a wanted share of the answers is right.

    Args:
        wanted: the share.
        sure: the probability of each answer, of shape (rows,).
        right: whether it is correct.

    Returns:
        The probability that an answer needs; None if no threshold with at least FEWEST answers
        reaches the wanted share.
    """
    order = np.argsort(-sure, kind="stable")
    given = np.arange(1, len(sure) + 1)
    accuracy = np.cumsum(right[order]) / given
    ends = _ends(sure[order])
    enough = ends[(given[ends] >= FEWEST) & (accuracy[ends] >= wanted)]
    return float(sure[order][enough[-1]]) if len(enough) else None


def curve(sure: Floats, right: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Coverage and accuracy over thresholds, the surest answers first; at most POINTS of them.

    Answers that are equally sure are given together.
    """
    order = np.argsort(-sure, kind="stable")
    given = np.arange(1, len(sure) + 1)
    accuracy = np.cumsum(right[order]) / given
    from_ = min(FEWEST, len(sure)) - 1
    chosen = np.unique(np.linspace(from_, len(sure) - 1, POINTS).round().astype(np.int64))
    ends = _ends(sure[order])
    chosen = np.unique(ends[np.searchsorted(ends, chosen)])
    return [(float(given[i] / len(sure)), float(accuracy[i])) for i in chosen]


def area_under_risk(name: str, sure: Floats, right: NDArray[np.bool_]) -> ByRow:
    """The area under the curve of risk over coverage, as a function of the rows' weights."""
    order = np.argsort(-sure, kind="stable")
    wrong, ends = (~right[order]).astype(np.float64), _ends(sure[order])

    def measure(weights: Floats) -> Values:
        drawn = weights[:, order]
        given = np.cumsum(drawn, axis=1)[:, ends]
        risk = np.cumsum(drawn * wrong, axis=1)[:, ends] / np.maximum(given, 1)
        together = np.diff(given, axis=1, prepend=0.0)
        return {name: (together * risk).sum(axis=1) / given[:, -1]}

    return ByRow(sure, measure)


def _ends(ordered: Floats) -> NDArray[np.intp]:
    """The last place of each run of equal numbers."""
    return np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
