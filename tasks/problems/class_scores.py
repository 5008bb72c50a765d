"""Precision, recall and F1 from counts, for any number of resamples at once.

Counts are of shape (rows, 3 × classes): how often each class is right, predicted and true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems.weighted import Counts, Floats, Sums, Values


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, and 0 for 0 / 0, as `zero_division=0` of sklearn and seqeval."""
    result = np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole)))
    return np.divide(part, whole, out=result, where=np.asarray(whole) != 0)


def f1_score(right: Floats, predicted: Floats, true: Floats) -> Floats:
    """The harmonic mean of precision and recall: 2 right / (predicted + true)."""
    return ratio(2 * np.asarray(right), np.asarray(predicted) + np.asarray(true))


def scores_of(counts: NDArray[np.int64], metrics: Callable[[Floats], Values]) -> Sums:
    """Metrics over all classes, which depend only on the totals of right and predicted."""
    return Sums(counts, metrics, deciding=right_and_predicted)


def right_and_predicted(counts: Counts) -> Counts:
    """How many of all classes are right and how many predicted: shape (rows, 2).

    Two models between which these do not differ have the same accuracy, precision, recall and F1.
    """
    right, predicted, _ = np.split(counts, 3, axis=1)
    return np.column_stack([right.sum(axis=1), predicted.sum(axis=1)])


def f1_by_class(names: Sequence[str], counts: NDArray[np.int64]) -> Sums:
    """F1 of each class by its name."""

    def metrics(sums: Floats) -> Values:
        values = f1_score(*np.split(sums, 3, axis=-1))
        return {name: values[..., i] for i, name in enumerate(names)}

    return Sums(counts, metrics)


def score_table(names: Sequence[str], counts: NDArray[np.int64]) -> pd.DataFrame:
    """One row per class: name, precision, recall, f1, and how often it is true in the test."""
    right, predicted, true = np.split(counts.sum(axis=0).astype(np.float64), 3)
    return pd.DataFrame(
        {
            "class": list(names),
            "precision": ratio(right, predicted),
            "recall": ratio(right, true),
            "f1": f1_score(right, predicted, true),
            "support": np.asarray(true).astype(int),
        }
    )


def in_places(shares: Floats, known: Sequence[str], labels: Sequence[str]) -> Floats:
    """The probabilities of some labels in the order of all labels, 0 for the others.

    Args:
        shares: of shape (rows, known).
        known: the labels that they are of.
        labels: all labels.

    Returns:
        Of shape (rows, labels), in the precision of `shares`.
    """
    number = {label: i for i, label in enumerate(labels)}
    found = np.zeros((len(shares), len(labels)), dtype=shares.dtype)
    found[:, [number[label] for label in known]] = shares
    return found
