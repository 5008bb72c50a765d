"""Correlations and the error of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import Described
from tasks.problems.weighted import ByRow, Floats, Values


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[float]:
    return [float(train["label"].mean())] * len(test)


def score(gold: Iterable[float], predicted: Iterable[float], labels: Sequence[str]) -> ByRow:
    true, found = (np.asarray(list(each), dtype=np.float64) for each in (gold, predicted))

    def metrics(weights: Floats) -> Values:
        total = weights.sum(axis=1)
        return {
            "spearman": correlation(ranks(true, weights), ranks(found, weights), weights),
            "pearson": correlation(true, found, weights),
            "rmse": np.sqrt((weights * (true - found) ** 2).sum(axis=1) / total),
        }

    return ByRow(found, metrics)


def ranks(values: Floats, weights: Floats) -> Floats:
    """The mean rank of each value, one that is drawn three times having three ranks."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1))
    each = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(each, axis=1) - each + (each + 1) / 2)[:, group]


def correlation(first: Floats, second: Floats, weights: Floats) -> Floats:
    """The correlation under weights; 0 where one of the two is constant."""
    total = weights.sum(axis=1, keepdims=True)
    one, other = (x - (weights * x).sum(axis=1, keepdims=True) / total for x in (first, second))
    both = np.sqrt((weights * one**2).sum(axis=1) * (weights * other**2).sum(axis=1))
    product = (weights * one * other).sum(axis=1)
    return np.divide(product, both, out=np.zeros_like(both), where=both > 1e-12)


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    return np.abs(answers["predicted"] - answers["gold"]).to_numpy(dtype=np.float64)


def describe(answer: Any) -> Described:
    apart = answer["predicted"] - answer["gold"]
    return Described(
        str(answer["text"]),
        f"{answer['gold']:.3g}",
        f"{answer['predicted']:.3g}",
        abs(apart) < 0.5,
        f"{apart:+.3g}",
    )
