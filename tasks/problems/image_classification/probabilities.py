"""The metrics of image classification that need the probability of each label.

`top5_accuracy` counts a picture as right if fewer than five labels are more likely than the true
one; where there are at most five labels it is 1. `calibration_error` is about the label that is
answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.problems import PROBABILITIES
from tasks.problems.calibration import Bin, calibration_error, gaps
from tasks.problems.calibration import reliability as in_bins
from tasks.problems.text_classification.probabilities import sureness
from tasks.problems.weighted import Floats, Sums, Together, Values

NEEDED = ("probability", PROBABILITIES)
MOST_LIKELY = 5


def score(answers: pd.DataFrame, labels: Sequence[str]) -> Together:
    """The accuracy of the five most likely labels and the calibration error, by rows' weights.

    Args:
        answers: a table with the columns of `decide`.
        labels: those of the column PROBABILITIES, in its order.
    """
    shares = np.stack(list(answers[PROBABILITIES]))
    number = {label: i for i, label in enumerate(labels)}
    true = [number[label] for label in answers["gold"]]
    above = (shares > shares[np.arange(len(true)), true][:, None]).sum(axis=1)
    among = (above < MOST_LIKELY).astype(np.int64)

    def top(sums: Floats) -> Values:
        return {"top5_accuracy": sums[..., 0] / sums[..., 1]}

    found, right = sureness(answers)
    return Together(
        (
            Sums(np.stack([among, np.ones_like(among)], axis=1), top),
            Sums(gaps(found, right), lambda sums: {"calibration_error": calibration_error(sums)}),
        )
    )


def reliability(answers: pd.DataFrame) -> list[Bin]:
    """How sure the answers are and how many are right, in bins."""
    return in_bins(*sureness(answers))
