"""The metrics of regression: correlations, and the error in the unit of the numbers.

Spearman's correlation is that of ranks, equal numbers having their mean rank, as in scipy. Under
weights, a row that is drawn three times is three rows. A correlation is 0 where all drawn numbers
or all answers are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.pairs import passage_of
from tasks.problems import Described
from tasks.problems.weighted import ByRow, Floats, Values


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[float]:
    """The mean of the training rows for each text: of all constants, its error is the least."""
    return [float(train["number"].mean())] * len(test)


def score(gold: Iterable[float], predicted: Iterable[float], labels: Sequence[str]) -> ByRow:
    """Both correlations and the error, as functions of the rows' weights."""
    true, found = (np.fromiter(each, dtype=np.float64) for each in (gold, predicted))
    one, other = Numbers.of(true), Numbers.of(found)
    squared = (true - found) ** 2

    def metrics(weights: Floats) -> Values:
        vary = one.vary(weights) & other.vary(weights)
        return {
            "spearman": correlation(one.ranks(weights), other.ranks(weights), weights, vary),
            "pearson": correlation(one.values, other.values, weights, vary),
            "rmse": np.sqrt((weights * squared).sum(axis=1) / weights.sum(axis=1)),
        }

    return ByRow(found, metrics)


@dataclass(frozen=True)
class Numbers:
    """Numbers to correlate, sorted once.

    Attributes:
        values: the numbers, shifted and scaled so that squares neither vanish nor overflow.
        order: the rows by their number.
        starts: where in `order` each different number begins.
        group: which of the different numbers each row has.
    """

    values: Floats
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    group: NDArray[np.int64]

    @classmethod
    def of(cls, numbers: Floats) -> Numbers:
        """Sort numbers."""
        different, group = np.unique(numbers, return_inverse=True)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(len(different)))
        spread = float(different[-1] - different[0])
        return cls((numbers - numbers.mean()) / (spread or 1.0), order, starts, group)

    def drawn(self, weights: Floats) -> Floats:
        """How often each different number is drawn: shape (resamples, numbers)."""
        return np.add.reduceat(weights[:, self.order], self.starts, axis=1)

    def vary(self, weights: Floats) -> NDArray[np.bool_]:
        """Whether a resample has at least two different numbers."""
        return np.asarray((self.drawn(weights) > 0).sum(axis=1) > 1)

    def ranks(self, weights: Floats) -> Floats:
        """The mean rank of each row in each resample, from 1: shape (resamples, rows)."""
        drawn = self.drawn(weights)
        return np.asarray((np.cumsum(drawn, axis=1) - drawn + (drawn + 1) / 2)[:, self.group])


def correlation(first: Floats, second: Floats, weights: Floats, vary: NDArray[np.bool_]) -> Floats:
    """The correlation of two numbers of each row, under weights.

    Args:
        first: of shape (rows,), or (resamples, rows) if they differ.
        second: the same.
        weights: of shape (resamples, rows).
        vary: the resamples in which neither is constant; the others have a correlation of 0.
    """
    total = weights.sum(axis=1, keepdims=True)
    one, other = (x - (weights * x).sum(axis=1, keepdims=True) / total for x in (first, second))
    both = np.sqrt((weights * one**2).sum(axis=1)) * np.sqrt((weights * other**2).sum(axis=1))
    product = (weights * one * other).sum(axis=1)
    found = np.divide(product, both, out=np.zeros_like(both), where=vary & (both > 0))
    return np.asarray(np.clip(found, -1, 1))


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """How far each answer is from the truth."""
    return (answers["predicted"] - answers["gold"]).abs().to_numpy(dtype=np.float64)


def points(gold: Iterable[float], predicted: Iterable[float]) -> list[tuple[float, float]]:
    """Truth and answer of each row."""
    return [(float(true), float(found)) for true, found in zip(gold, predicted, strict=True)]


def describe(answer: Any) -> Described:
    """Both numbers, and how far they are apart; right if they are the same as written."""
    truth, found = f"{answer['gold']:.3g}", f"{answer['predicted']:.3g}"
    apart = f"{answer['predicted'] - answer['gold']:+.3g}"
    return Described(passage_of(answer), truth, found, truth == found, apart)
