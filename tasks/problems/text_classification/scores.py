"""The metrics of text classification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems.class_scores import f1_score, ratio, score_table


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """The most frequent label in training for each text; of several the first by name."""
    return [train["label"].mode().iloc[0]] * len(test)


def count(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Right, predicted and true for each label: shape (texts, 3 × labels)."""
    number = {label: i for i, label in enumerate(labels)}
    true, answer = ([number[label] for label in names] for names in (gold, predicted))
    identity = np.eye(len(labels), dtype=np.int64)
    is_true, is_predicted = identity[true], identity[answer]
    return np.hstack([is_true * is_predicted, is_predicted, is_true])


def measure(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Accuracy and macro-F1 from the sums of `count`, of shape (..., 3 × labels)."""
    right, predicted, true = np.split(sums, 3, axis=-1)
    occurs = (predicted + true) > 0
    return {
        "accuracy": ratio(right.sum(axis=-1), true.sum(axis=-1)),
        "macro_f1": ratio(f1_score(right, predicted, true).sum(axis=-1), occurs.sum(axis=-1)),
    }


def report(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each label."""
    sums = count(gold, predicted, labels).sum(axis=0).astype(np.float64)
    return score_table(labels, *np.split(sums, 3))


def confusion(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The labels, and how often each was predicted for each."""
    number = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(matrix, ([number[g] for g in gold], [number[p] for p in predicted]), 1)
    return list(labels), matrix
