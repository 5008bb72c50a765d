"""Metrics as functions of the rows' weights, so that all metrics are resampled in the same way.

A resample of a test split gives each row a weight: how often it is drawn. A metric maps weights of
shape (resamples, rows) to values of shape (resamples,). Metrics that are sums, or ratios of sums,
are a product with the weights (`Sums`). All others, such as rank correlation, are computed from the
weight of each row (`ByRow`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | Floats
Group = NDArray[np.int64]
Values = dict[str, Floats]
Own = TypeVar("Own")


class Scores(Protocol):
    """The answers of one model to some rows, prepared for resampling.

    Attributes:
        rows: the number of weights of a resample.
        width: numbers in memory per resample.
    """

    @property
    def rows(self) -> int: ...  # noqa: D102

    @property
    def width(self) -> int: ...  # noqa: D102

    def measure(self, weights: Floats) -> Values:
        """Each metric by name, of shape (resamples,), from weights of shape (resamples, rows).

        All values are finite, also on a resample on which a metric cannot be computed.
        """

    def by_group(self: Own, group: Group, groups: int) -> Own:
        """The same metrics as functions of the weights of groups, which are drawn as a whole.

        Args:
            group: the number of each row's group.
            groups: how many groups there are.
        """

    def differing(self: Own, other: Own) -> NDArray[np.bool_]:
        """The rows, or groups, in which two models can differ in the headline metric."""


@dataclass(frozen=True)
class Sums:
    """Metrics that are functions of sums over the rows.

    Attributes:
        counts: the addends of each row to each sum: shape (rows, sums).
        metrics: computes the metrics from sums of shape (..., sums).
        deciding: selects the sums that the headline metric depends on.
    """

    counts: Counts
    metrics: Callable[[Floats], Values]
    deciding: Callable[[Counts], Counts] = lambda sums: sums

    @property
    def rows(self) -> int:
        """How many weights a resample has."""
        return len(self.counts)

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""
        return max(self.counts.shape)

    def measure(self, weights: Floats) -> Values:
        """One matrix product; exact, as sums of whole numbers below 2^53 are."""
        return self.metrics(weights @ self.counts)

    def by_group(self, group: Group, groups: int) -> Sums:
        """The sums of each group, so that there is one weight per group."""
        sums = np.zeros((groups, self.counts.shape[1]))
        np.add.at(sums, group, self.counts)
        return replace(self, counts=sums)

    def differing(self, other: Sums) -> NDArray[np.bool_]:
        """Where the deciding sums differ."""
        return (self.deciding(self.counts) != self.deciding(other.counts)).any(axis=1)


@dataclass(frozen=True)
class ByRow:
    """Metrics that are not sums: functions of the weight of each row.

    Attributes:
        answers: the model's answer to each row, as numbers: shape (rows,).
        metrics: computes the metrics from weights of shape (resamples, rows).
        group: the number of each row's group, if rows are drawn in groups.
        groups: how many groups there are.
    """

    answers: Floats
    metrics: Callable[[Floats], Values]
    group: Group | None = None
    groups: int = 0

    @property
    def rows(self) -> int:
        """How many weights a resample has."""
        return len(self.answers) if self.group is None else self.groups

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""
        return len(self.answers)

    def measure(self, weights: Floats) -> Values:
        """The metrics, each row having the weight of its group."""
        return self.metrics(weights if self.group is None else weights[:, self.group])

    def by_group(self, group: Group, groups: int) -> ByRow:
        """The same, as a function of the weights of groups."""
        return replace(self, group=group, groups=groups)

    def differing(self, other: ByRow) -> NDArray[np.bool_]:
        """Where the answers to any row differ."""
        rows = self.answers != other.answers
        if self.group is None:
            return rows
        return np.bincount(self.group, weights=rows, minlength=self.groups) > 0


@dataclass(frozen=True)
class Together:
    """Metrics of the same answers that are computed in several ways.

    Attributes:
        parts: each computes some of the metrics; the first computes the headline metric.
    """

    parts: tuple[Scores, ...]

    @property
    def rows(self) -> int:
        """How many weights a resample has."""
        return self.parts[0].rows

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""
        return max(part.width for part in self.parts)

    def measure(self, weights: Floats) -> Values:
        """The metrics of all parts."""
        return {name: value for part in self.parts for name, value in part.measure(weights).items()}

    def by_group(self, group: Group, groups: int) -> Together:
        """The same, as a function of the weights of groups."""
        return Together(tuple(part.by_group(group, groups) for part in self.parts))

    def differing(self, other: Together) -> NDArray[np.bool_]:
        """Where the parts with the headline metric differ."""
        return self.parts[0].differing(other.parts[0])


def on_all_rows(scores: Scores) -> dict[str, float]:
    """The metrics of all rows, each counted once."""
    values = scores.measure(np.ones((1, scores.rows)))
    return {name: float(value[0]) for name, value in values.items()}
