"""Precision, recall and F1 from counts, for any number of resamples at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, and 0 for 0 / 0, as `zero_division=0` of sklearn and seqeval."""
    result = np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole)))
    return np.divide(part, whole, out=result, where=np.asarray(whole) != 0)


def f1_score(right: Floats, predicted: Floats, true: Floats) -> Floats:
    """The harmonic mean of precision and recall: 2 right / (predicted + true)."""
    return ratio(2 * np.asarray(right), np.asarray(predicted) + np.asarray(true))


def score_table(
    names: Sequence[str], right: Floats, predicted: Floats, true: Floats
) -> pd.DataFrame:
    """A row for each class: name, precision, recall, f1, and how often it is true in the test."""
    return pd.DataFrame(
        {
            "class": list(names),
            "precision": ratio(right, predicted),
            "recall": ratio(right, true),
            "f1": f1_score(right, predicted, true),
            "support": np.asarray(true).astype(int),
        }
    )
