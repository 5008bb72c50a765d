"""The area under the ROC curve of each class against the rest, as a function of the rows' weights.

The area is the probability that a row of the class has a higher score than another row, where a tie
counts one half (Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating
characteristic (ROC) curve", Radiology 143). So it is a count of pairs, and pairs count as often as
their rows are drawn. The mean over the classes is sklearn's
`roc_auc_score(multi_class="ovr", average="macro")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.problems.class_scores import ratio
from tasks.problems.weighted import Floats

CHANCE = 0.5  # of scores that say nothing


@dataclass(frozen=True)
class Ranked:
    """A class against the rest: the scores are sorted once for all resamples.

    Attributes:
        own: the rows of the class.
        rest: the other rows, the lowest score first.
        below: for each of `own`, how many of `rest` have a lower score.
        up_to: for each of `own`, how many of `rest` have a score that is not higher.
    """

    own: NDArray[np.int64]
    rest: NDArray[np.int64]
    below: NDArray[np.int64]
    up_to: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Floats, is_own: NDArray[np.bool_]) -> Ranked:
        """Sort the scores of a class, of shape (rows,)."""
        own, rest = np.flatnonzero(is_own), np.flatnonzero(~is_own)
        rest = rest[np.argsort(scores[rest], kind="stable")]
        below = np.searchsorted(scores[rest], scores[own], side="left")
        up_to = np.searchsorted(scores[rest], scores[own], side="right")
        return cls(own, rest, below, up_to)

    def pairs(self, weights: Floats) -> tuple[Floats, Floats]:
        """How many pairs the class wins, and how many there are: of shape (resamples,)."""
        own = weights[:, self.own]
        # How often the first 0, 1, 2, … of the rest are drawn: shape (resamples, rest + 1).
        lower = np.zeros((len(weights), len(self.rest) + 1))
        np.cumsum(weights[:, self.rest], axis=1, out=lower[:, 1:])
        won = (own * (lower[:, self.below] + lower[:, self.up_to])).sum(axis=1) / 2
        return won, own.sum(axis=1) * lower[:, -1]


def mean_area(classes: Sequence[Ranked], weights: Floats) -> Floats:
    """The mean area over the classes that are drawn beside others; CHANCE where there is none.

    Args:
        classes: each against the rest.
        weights: of shape (resamples, rows).
    """
    areas, known = np.zeros((2, len(classes), len(weights)))
    for number, each in enumerate(classes):
        won, pairs = each.pairs(weights)
        areas[number], known[number] = ratio(won, pairs), pairs > 0
    # Sorted, so that the order of the classes does not change the last bit of the sum.
    total, count = np.sort(areas, axis=0).sum(axis=0), known.sum(axis=0)
    return np.where(count > 0, ratio(total, count), CHANCE)
