"""Whether answers are right as often as their probability says: the expected calibration error.

Answers are put into 15 bins of equal width by their probability. The error is the mean distance
between how sure the answers of a bin are and how many of them are right, weighted by their number
(Guo et al. 2017, "On calibration of modern neural networks", ICML, section 2). It is above zero by
chance, the more so the fewer rows there are.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from tasks.problems.class_scores import ratio
from tasks.problems.weighted import Floats

BINS = 15


class Bin(TypedDict):
    """The answers of a bin: their number, their mean probability, and the share that is right."""

    rows: int
    sure: float
    right: float


def bins_of(sure: Floats) -> NDArray[np.int64]:
    """The bin of each probability, 0 to 14; each bin contains its upper end."""
    return np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)


def gaps(sure: Floats, right: NDArray[np.bool_]) -> Floats:
    """The addends of each row to the sums of `calibration_error`: shape (rows, bins + 1).

    In the column of its bin, 1 if it is right, minus its probability; in the last column, 1.

    Args:
        sure: the probability of each answer, of shape (rows,).
        right: whether it is correct.
    """
    found = np.zeros((len(sure), BINS + 1))
    found[np.arange(len(sure)), bins_of(sure)] = right - sure
    found[:, BINS] = 1
    return found


def calibration_error(sums: Floats) -> Floats:
    """The error from the sums of `gaps`, of shape (..., bins + 1)."""
    return ratio(np.abs(sums[..., :BINS]).sum(axis=-1), sums[..., BINS])


def reliability(sure: Floats, right: NDArray[np.bool_]) -> list[Bin]:
    """The bins that have answers, the least sure ones first."""
    bins = bins_of(sure)
    return [
        Bin(
            rows=int((bins == number).sum()),
            sure=float(sure[bins == number].mean()),
            right=float(right[bins == number].mean()),
        )
        for number in np.unique(bins)
    ]
