"""How certain a number measured on a test split is.

A metric is a function of sums over rows (right answers, entities found, …), so a resample of the
test split is a vector of weights, and all resamples of all sums are one matrix product.

Rows of a document resemble each other, so documents are drawn, not rows: the cluster bootstrap
(Field & Welsh 2007, "Bootstrapping clustered data", JRSS B 69, section 3). Where each row is its
own document this is the plain bootstrap with percentile intervals (Efron & Tibshirani 1993, "An
introduction to the bootstrap", chapter 13). To compare two models, both are measured on the same
resamples (Koehn 2004, "Statistical significance tests for machine translation evaluation",
section 4; Dror et al. 2018, "The hitchhiker's guide to testing statistical significance in natural
language processing", section 3): what makes a document hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS_AT_ONCE = 4_000_000  # bounds the memory: 32 MB of weights at a time


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        samples: number of resamples.
        confidence: coverage of the intervals, such as 0.95.
        seed: the resamples are a function of it and of the number of documents.
    """

    samples: int
    confidence: float
    seed: int

    def resample(self, counts: NDArray[np.int64], documents: Sequence[str]) -> NDArray[np.float64]:
        """Sums of the counts over resamples of the documents.

        Args:
            counts: shape (rows, statistics): what each row adds to each sum. Statistics of several
                models side by side are summed over the same resamples: that is the pairing.
            documents: the document that each row belongs to.

        Returns:
            Shape (samples, statistics); exact, as sums of whole numbers below 2^53 are.
        """
        clusters = sum_by_document(counts, documents)
        generator = np.random.default_rng(self.seed)
        chunk = max(1, DRAWS_AT_ONCE // len(clusters))
        sums = [
            draw_weights(generator, len(clusters), min(chunk, self.samples - start)) @ clusters
            for start in range(0, self.samples, chunk)
        ]
        return np.concatenate(sums)

    def interval(self, values: NDArray[np.float64]) -> tuple[float, float]:
        """The percentile interval of a metric's values over the resamples."""
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(values, [tail, 1 - tail])
        return float(low), float(high)


def sum_by_document(counts: NDArray[np.int64], documents: Sequence[str]) -> NDArray[np.float64]:
    """Shape (documents, statistics), the documents in the order of their names."""
    names, position = np.unique(np.asarray(documents, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), counts.shape[1]))
    np.add.at(sums, position, counts)
    return sums


def draw_weights(generator: np.random.Generator, size: int, samples: int) -> NDArray[np.float64]:
    """How often each document is drawn: shape (samples, size), each row adding up to `size`."""
    drawn = generator.integers(0, size, (samples, size))
    drawn += np.arange(samples)[:, None] * size
    times = np.bincount(drawn.ravel(), minlength=samples * size)
    return times.reshape(samples, size).astype(np.float64)
