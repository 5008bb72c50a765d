"""The metrics of text classification.

The correlation is that of Matthews for any number of classes (Gorodkin 2004, "Comparing two
K-category assignments by a K-category correlation coefficient", Computational Biology and Chemistry
28), sklearn's `matthews_corrcoef`: 0 where all answers or all truths are one label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.pairs import passage_of
from tasks.problems import Described
from tasks.problems.class_scores import f1_by_class, f1_score, ratio, score_table, scores_of
from tasks.problems.weighted import Sums


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """The most frequent training label for each text; the first by name if there are several."""
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
    """Accuracy, macro-F1 and correlation from the sums of `count`, of shape (..., 3 × labels)."""
    right, predicted, true = np.split(sums, 3, axis=-1)
    occurs = (predicted + true) > 0
    return {
        "accuracy": ratio(right.sum(axis=-1), true.sum(axis=-1)),
        "macro_f1": ratio(f1_score(right, predicted, true).sum(axis=-1), occurs.sum(axis=-1)),
        "mcc": correlation(right, predicted, true),
    }


def correlation(
    right: NDArray[np.float64], predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The correlation of answers and truths, from how often each label is right, predicted, true.

    With one column a label that is 1 in its rows: the covariances of the columns of answers and of
    truths, divided by the root of the variances of both, each added up over the labels.
    """
    rows = true.sum(axis=-1)
    together = rows * right.sum(axis=-1) - (predicted * true).sum(axis=-1)
    spread = [rows**2 - (each**2).sum(axis=-1) for each in (predicted, true)]
    return ratio(together, np.sqrt(spread[0]) * np.sqrt(spread[1]))


def score(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> Sums:
    """Accuracy, macro-F1 and correlation as functions of the rows' weights."""
    return scores_of(count(gold, predicted, labels), measure)


def part_scores(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> Sums:
    """F1 of each label."""
    return f1_by_class(labels, count(gold, predicted, labels))


def report(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each label."""
    return score_table(labels, count(gold, predicted, labels))


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """1 - probability of the correct label."""
    return 1 - np.exp(-answers["loss"].to_numpy(dtype=np.float64))


def describe(answer: Any) -> Described:
    """The labels, and the probabilities of the predicted and of the correct one."""
    right = bool(answer["gold"] == answer["predicted"])
    sure = f"{answer['probability']:.1%} sure"
    if not right:
        sure += f", {float(np.exp(-answer['loss'])):.1%} for the truth"
    return Described(passage_of(answer), str(answer["gold"]), str(answer["predicted"]), right, sure)


def confusion(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The labels and the confusion matrix."""
    number = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(matrix, ([number[g] for g in gold], [number[p] for p in predicted]), 1)
    return list(labels), matrix
