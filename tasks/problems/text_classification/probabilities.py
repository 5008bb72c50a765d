"""The metrics of text classification that need the probability of each label.

`roc_auc` is the mean over the labels, each against the rest; a label that is not in the test does
not count. `calibration_error` is about the label that is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import PROBABILITIES
from tasks.problems.calibration import Bin, calibration_error, gaps
from tasks.problems.calibration import reliability as in_bins
from tasks.problems.ranking import Ranked, mean_area
from tasks.problems.weighted import ByRow, Floats, Sums, Together

NEEDED = ("probability", PROBABILITIES)


def score(answers: pd.DataFrame, labels: Sequence[str]) -> Together:
    """The area under the ROC curve and the calibration error, by the rows' weights.

    Args:
        answers: a table with the columns of `decide`.
        labels: those of the column PROBABILITIES, in its order.
    """
    shares, gold = np.stack(list(answers[PROBABILITIES])), answers["gold"].to_numpy()
    classes = [Ranked.of(shares[:, i], gold == label) for i, label in enumerate(labels)]
    found, right = sureness(answers)
    return Together(
        (
            ByRow(found, lambda weights: {"roc_auc": mean_area(classes, weights)}),
            Sums(gaps(found, right), lambda sums: {"calibration_error": calibration_error(sums)}),
        )
    )


def reliability(answers: pd.DataFrame) -> list[Bin]:
    """How sure the answers are and how many are right, in bins."""
    return in_bins(*sureness(answers))


def sureness(answers: pd.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
    """The probability of each answer, and whether it is right.

    Probabilities are rounded to 24 bits, so that their sums are exact in any order.
    """
    rounded = answers["probability"].to_numpy(dtype=np.float32)
    return rounded.astype(np.float64), (answers["gold"] == answers["predicted"]).to_numpy()
