"""Bootstrap intervals of numbers measured on a test split.

A resample of the test split is a vector of weights, and a metric is a function of these weights
(`problems/weighted.py`): for sums over rows (right answers, entities found, …) a matrix product.

Rows of a document resemble each other, so documents are drawn, not rows: the cluster bootstrap
(Field & Welsh 2007, "Bootstrapping clustered data", JRSS B 69, section 3). If each row is its own
document, this is the plain bootstrap with percentile intervals (Efron & Tibshirani 1993, "An
introduction to the bootstrap", chapter 13). To compare two models, both are measured on the same
resamples (Koehn 2004, "Statistical significance tests for machine translation evaluation",
section 4; Dror et al. 2018, "The hitchhiker's guide to testing statistical significance in natural
language processing", section 3), so that the difficulty of a document cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.problems.weighted import Scores, Values

DRAWS_AT_ONCE = 4_000_000  # limits the memory: 32 MB of weights at a time


@dataclass(frozen=True)
class Bootstrap:
    """The settings of intervals.

    Attributes:
        samples: number of resamples.
        confidence: coverage of the intervals, such as 0.95.
        seed: the resamples are a function of it and of the number of documents.
    """

    samples: int
    confidence: float
    seed: int

    def resample(self, scores: Sequence[Scores], documents: Sequence[str]) -> list[Values]:
        """The metrics of some models over resamples of the documents.

        Args:
            scores: of each model, on the same rows. All use the same resamples, which pairs them.
            documents: the document that each row belongs to.

        Returns:
            For each model its metrics by name, of shape (samples,).

        Raises:
            StageError: a metric is not a finite number on a resample.
        """
        position, number = documents_of(documents)
        grouped = [each.by_group(position, number) for each in scores]
        generator = np.random.default_rng(self.seed)
        chunk = max(1, DRAWS_AT_ONCE // number)
        found: list[list[Values]] = [[] for _ in scores]
        for start in range(0, self.samples, chunk):
            weights = draw_weights(generator, number, min(chunk, self.samples - start))
            for each, values in zip(grouped, found, strict=True):
                at_once = max(1, DRAWS_AT_ONCE // each.width)
                values += [
                    each.measure(weights[begin : begin + at_once])
                    for begin in range(0, len(weights), at_once)
                ]
        return [
            {name: _finite(name, [each[name] for each in values]) for name in values[0]}
            for values in found
        ]

    def interval(self, values: NDArray[np.float64]) -> tuple[float, float]:
        """The percentile interval of a metric's values over the resamples."""
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(values, [tail, 1 - tail])
        return float(low), float(high)


def centred(values: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """Resamples of a metric that is higher on resamples than on the rows, without that excess.

    A mean of distances, such as the calibration error, grows with the noise, and a resample has
    that of the rows and its own: without this, the interval could lie above the value. The mean
    excess is the bootstrap's estimate of bias (Efron & Tibshirani 1993, chapter 10).

    Args:
        values: the metric over the resamples, never negative.
        value: the metric on all rows.
    """
    return np.maximum(values - (values.mean() - value), 0)


def _finite(name: str, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The values of a metric over all resamples: an interval of NaN would say nothing."""
    values = np.concatenate(parts)
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise StageError(
            f"metric {name} is not a finite number on {wrong:,} of {len(values):,} resamples of "
            "the test documents: define its value where it cannot be computed, or give more "
            "documents"
        )
    return values


def documents_of(documents: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """The number of each row's document, in the order of their names, and how many there are."""
    names, position = np.unique(np.asarray(documents, dtype=object), return_inverse=True)
    return position, len(names)


def draw_weights(generator: np.random.Generator, size: int, samples: int) -> NDArray[np.float64]:
    """How often each document is drawn: shape (samples, size), each row adding up to `size`."""
    drawn = generator.integers(0, size, (samples, size))
    drawn += np.arange(samples)[:, None] * size
    times = np.bincount(drawn.ravel(), minlength=samples * size)
    return times.reshape(samples, size).astype(np.float64)
