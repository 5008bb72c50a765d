"""The metrics of several labels: F1 over all decisions together, and by label.

Micro-F1 is sklearn's `f1_score(average="micro", zero_division=0)`, macro-F1 the mean over the
labels that occur in the test or among the predictions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.pairs import passage_of
from tasks.problems import Described
from tasks.problems.class_scores import f1_by_class, f1_score, ratio, score_table, scores_of
from tasks.problems.weighted import Sums

Labels = Iterable[Sequence[str]]


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[list[str]]:
    """The most frequent labels for each row: as many as have the highest micro-F1 in training."""
    counts = Counter(label for labels in train["label"] for label in labels)
    ordered = sorted(counts, key=lambda label: (-counts[label], label))
    right = np.cumsum([counts[label] for label in ordered])
    answered = len(train) * np.arange(1, len(ordered) + 1)
    best = int((2 * right / (answered + counts.total())).argmax()) + 1 if ordered else 0
    return [sorted(ordered[:best])] * len(test)


def count(gold: Labels, predicted: Labels, labels: Sequence[str]) -> NDArray[np.int64]:
    """Right, predicted and true for each label: shape (rows, 3 × labels)."""
    is_true, is_predicted = marked(gold, labels), marked(predicted, labels)
    return np.hstack([is_true * is_predicted, is_predicted, is_true])


def marked(answers: Labels, labels: Sequence[str]) -> NDArray[np.int64]:
    """1 for each label that a row has: shape (rows, labels)."""
    number = {label: i for i, label in enumerate(labels)}
    found = [[number[label] for label in each] for each in answers]
    matrix = np.zeros((len(found), len(labels)), dtype=np.int64)
    for row, each in enumerate(found):
        matrix[row, each] = 1
    return matrix


def measure(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Micro-F1 and macro-F1 from the sums of `count`, of shape (..., 3 × labels)."""
    right, predicted, true = np.split(sums, 3, axis=-1)
    occurs = (predicted + true) > 0
    return {
        "micro_f1": f1_score(*(each.sum(axis=-1) for each in (right, predicted, true))),
        "macro_f1": ratio(f1_score(right, predicted, true).sum(axis=-1), occurs.sum(axis=-1)),
    }


def score(gold: Labels, predicted: Labels, labels: Sequence[str]) -> Sums:
    """Micro-F1 and macro-F1 as functions of the rows' weights."""
    return scores_of(count(gold, predicted, labels), measure)


def part_scores(gold: Labels, predicted: Labels, labels: Sequence[str]) -> Sums:
    """F1 of each label."""
    return f1_by_class(labels, count(gold, predicted, labels))


def report(gold: Labels, predicted: Labels, labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each label."""
    return score_table(labels, count(gold, predicted, labels))


def confusion(
    gold: Labels, predicted: Labels, labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """None: a label of several is not predicted in place of another one."""
    return [], np.zeros((0, 0), dtype=np.int64)


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """How many labels of each row are missed or made up."""
    pairs = zip(answers["gold"], answers["predicted"], strict=True)
    return np.array([float(len(set(true) ^ set(found))) for true, found in pairs])


def describe(answer: Any) -> Described:
    """The labels, and how many are missed or made up."""
    true, found = set(answer["gold"]), set(answer["predicted"])
    missed, invented = len(true - found), len(found - true)
    return Described(
        passage_of(answer),
        _spelled(true),
        _spelled(found),
        true == found,
        f"{missed} missed, {invented} made up" if missed or invented else "no error",
    )


def _spelled(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels)) or "none"
