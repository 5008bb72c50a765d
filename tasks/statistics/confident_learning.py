"""Confident learning: rows whose label is probably wrong (Northcutt, Jiang & Chuang 2021).

"Confident learning: estimating uncertainty in dataset labels", JAIR 70, section 3. A model answers
rows that it was not trained on. The threshold of a label is how sure the model is of it on average,
on the rows that have it: so a label that the model is never sure of needs less. Of a row whose own
label has probability 0, as the model was trained on no row of it, nothing is known: it counts for
no threshold and looks like no other label. A row with label i
whose probability of label j reaches the threshold of j (of several such labels, the most probable)
is counted in the confident joint at (i, j). Scaled to the number of rows with each label, the joint
estimates how many labels i are j in truth; as many rows with label i look mislabelled, those whose
probability of j exceeds that of i the most ("prune by noise rate").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.problems.weighted import Floats

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Suspects:
    """The rows that look mislabelled.

    Attributes:
        rows: their numbers, the most suspicious first.
        suggested: the number of the label that each looks like.
        joint: the estimated share of the rows by given and by true label, of shape (labels,
            labels); it sums to 1.
    """

    rows: Numbers
    suggested: Numbers
    joint: Floats

    @property
    def share(self) -> float:
        """The estimated share of the rows whose label is wrong."""
        return float(1 - np.trace(self.joint))


def find_suspects(shares: Floats, given: Numbers) -> Suspects:
    """The rows that look mislabelled, by answers of a model that was not trained on them.

    Args:
        shares: the probabilities, of shape (rows, labels).
        given: the number of the label that each row has.
    """
    rows, labels = shares.shape
    own = shares[np.arange(rows), given]
    known = own > 0
    counts = np.bincount(given, minlength=labels)
    answered = np.bincount(given[known], minlength=labels)
    sums = np.bincount(given, weights=own, minlength=labels)
    # A label that no row has, or that the model never knew, is never reached.
    thresholds = np.where(answered > 0, sums / np.maximum(answered, 1), np.inf)
    reached = np.where(shares >= thresholds, shares, -1.0)
    likely = reached.argmax(axis=1)
    confident = known & (reached[np.arange(rows), likely] >= 0)
    counted = np.zeros((labels, labels))
    np.add.at(counted, (given[confident], likely[confident]), 1.0)
    joint = _calibrated(counted, counts)
    margins = shares - own[:, None]
    found: dict[int, tuple[float, int]] = {}  # of each row: its largest margin, and to which label
    for label, other in zip(*np.nonzero(joint), strict=True):
        if label == other:
            continue
        members = np.flatnonzero(known & (given == label) & (margins[:, other] > 0))
        order = np.argsort(-margins[members, other], kind="stable")
        for row in members[order[: round(joint[label, other] * rows)]].tolist():
            found[row] = max(found.get(row, (0.0, 0)), (float(margins[row, other]), int(other)))
    ordered = sorted(found, key=lambda row: (-found[row][0], row))
    suggested = np.array([found[row][1] for row in ordered], dtype=np.int64)
    return Suspects(np.array(ordered, dtype=np.int64), suggested, joint)


def _calibrated(joint: Floats, counts: Numbers) -> Floats:
    """The joint with as many rows of each given label as there are, as shares (equation 3)."""
    sums = joint.sum(axis=1, keepdims=True)
    diagonal = np.eye(len(joint))  # of a label without a confident row nothing is known
    scaled = np.where(sums > 0, joint / np.maximum(sums, 1), diagonal) * counts[:, None]
    found: Floats = scaled / scaled.sum()
    return found
