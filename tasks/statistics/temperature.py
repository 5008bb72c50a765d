"""Temperature scaling: one number that makes a model as sure as it is right.

All logits are divided by a temperature, so that no answer changes: above 1 the model is less sure,
below 1 more. It is the one with the least cross-entropy on rows that the model was not trained on
(Guo et al. 2017, "On calibration of modern neural networks", ICML, section 4.2). The cross-entropy
is convex in the inverse of the temperature, so that bisection of its slope finds the only minimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.problems.weighted import Floats

HIGHEST = 20.0  # the bounds are its inverse and it: beyond, the answers are all or nothing
_LEAST = 1e-38  # of a probability in fp32: smaller ones are 0, and have no logarithm
_HALVINGS = 60


@dataclass(frozen=True)
class Temperature:
    """A temperature, and whether it is a bound, since the rows determine none.

    The lower bound is reached if all answers are right, the upper one if they are no better than
    chance.
    """

    value: float
    is_bound: bool


def logs_of(shares: NDArray[np.float32]) -> Floats:
    """The logarithms of probabilities [rows, labels]: logits, but for a constant of each row."""
    return np.log(np.maximum(shares.astype(np.float64), _LEAST))


def fit(logs: Floats, true: NDArray[np.int64]) -> Temperature:
    """The temperature with the least cross-entropy.

    Args:
        logs: logarithms of the probabilities, of shape (rows, labels).
        true: the number of the true label of each row.
    """
    rows = np.arange(len(logs))

    def slope(inverse: float) -> float:
        expected = (tempered(logs, 1 / inverse) * logs).sum(axis=1)
        return float((expected - logs[rows, true]).mean())

    low, high = -np.log(HIGHEST), np.log(HIGHEST)  # of the inverse
    for end in (low, high):
        if slope(np.exp(end)) * np.sign(end) <= 0:
            return Temperature(float(np.exp(-end)), is_bound=True)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(np.exp(middle)) > 0 else (middle, high)
    return Temperature(float(np.exp(-(low + high) / 2)), is_bound=False)


def tempered(logs: Floats, temperature: float) -> Floats:
    """The probabilities at a temperature, of shape (rows, labels)."""
    scaled = logs / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def cross_entropies(shares: Floats, true: NDArray[np.int64]) -> Floats:
    """-log of the probability of the true label of each row, in nats."""
    return -np.log(np.maximum(shares[np.arange(len(true)), true], _LEAST))
