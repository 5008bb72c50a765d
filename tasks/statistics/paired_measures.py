"""Two models side by side on one test split: each number with an interval, each difference paired.

The headline metric on all rows; F1 on each class that the test has; the headline metric on each
quarter of the rows by length in characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.experiment.retraining import Rule
from tasks.problems import Problem
from tasks.problems.class_scores import f1_score
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.significance import least_p

Floats = NDArray[np.float64]
QUARTERS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One line of the table of both sides.

    Attributes:
        kind: `metric`, `class` or `slice`.
        name: the metric, the class or the slice.
        rows: test rows that it is measured on; of a class, how often it is true.
        before: the champion, or the majority baseline where there is none.
        after: the challenger.
        difference: challenger minus champion, paired.
        verdict: what the difference says.
        blocks: whether it keeps the champion.
    """

    kind: Literal["metric", "class", "slice"]
    name: str
    rows: int
    before: Estimate
    after: Estimate
    difference: Estimate
    verdict: str = ""
    blocks: bool = False


@dataclass(frozen=True)
class Sides:
    """The answers of both sides, and how they are measured.

    Attributes:
        table: the challenger's answers: document, input, gold, predicted.
        before: the other side's, to the same rows.
    """

    kind: Problem
    rule: Rule
    seed: int
    labels: Sequence[str]
    table: pd.DataFrame
    before: Sequence[Any]

    def headline(self) -> Row:
        """The metric that decides."""
        return self._measured("metric", self.kind.HEADLINE, *self._whole)[0]

    def least_p(self) -> float:
        """The smallest p-value that the rows answered differently can give (`significance.py`)."""
        documents, (before, after) = self._whole
        return least_p(before, after, documents)

    def classes(self) -> Iterator[tuple[Row, Floats]]:
        """Each class that the test has: its F1, and the resampled difference."""
        report = self.kind.report(self.table["gold"], self.table["predicted"], self.labels)
        documents, counts = self._whole
        exact = [f1_of_classes(side.sum(axis=0).astype(np.float64)) for side in counts]
        drawn = [f1_of_classes(sums) for sums in self._resample(counts, documents)]
        for i, (name, support) in enumerate(zip(report["class"], report["support"], strict=True)):
            if support:
                values = [side[i] for side in exact]
                samples = [side[:, i] for side in drawn]
                yield self._compared("class", str(name), int(support), values, samples)

    def slices(self) -> Iterator[tuple[Row, Floats]]:
        """Each quarter of the rows by length: the headline metric, and its difference."""
        quarter = quarters(lengths(list(self.table[self.kind.COLUMNS[1]])))
        for number, name in enumerate(QUARTERS):
            chosen = quarter == number
            if chosen.any():
                yield self._measured("slice", name, *self._counts(chosen))

    def widened(self, looked_at: Sequence[tuple[Row, Floats]]) -> Iterator[Row]:
        """The rows, the intervals of their differences as wide as their number asks for."""
        level = 1 - (1 - self.rule.confidence) / max(1, len(looked_at))
        bootstrap = Bootstrap(self.rule.bootstrap_samples, level, self.seed)
        for row, differences in looked_at:
            low, high = bootstrap.interval(differences)
            yield replace(row, difference=Estimate(row.difference.value, low, high))

    def _headline_of(self, sums: Floats) -> Floats:
        return self.kind.measure(sums)[self.kind.HEADLINE]

    @cached_property
    def _whole(self) -> tuple[Sequence[str], list[NDArray[np.int64]]]:
        """The documents and counts of all rows."""
        return self._counts(np.ones(len(self.table), dtype=bool))

    def _counts(self, chosen: NDArray[np.bool_]) -> tuple[Sequence[str], list[NDArray[np.int64]]]:
        """The documents of some rows, and what each row adds to the sums of each side."""
        table = self.table[chosen]
        before = [a for a, c in zip(self.before, chosen, strict=True) if c]
        counts = [
            self.kind.count(table["gold"], each, self.labels)
            for each in (before, list(table["predicted"]))
        ]
        return list(table["document"]), counts

    def _resample(
        self, counts: Sequence[NDArray[np.int64]], documents: Sequence[str]
    ) -> list[Floats]:
        """The sums of each side over the same resamples."""
        bootstrap = Bootstrap(self.rule.bootstrap_samples, self.rule.confidence, self.seed)
        return np.split(bootstrap.resample(np.hstack(counts), documents), len(counts), axis=1)

    def _measured(
        self,
        kind: Literal["metric", "slice"],
        name: str,
        documents: Sequence[str],
        counts: Sequence[NDArray[np.int64]],
    ) -> tuple[Row, Floats]:
        """The headline metric on some rows."""
        exact = [self._headline_of(side.sum(axis=0).astype(np.float64)) for side in counts]
        drawn = [self._headline_of(sums) for sums in self._resample(counts, documents)]
        return self._compared(kind, name, len(documents), [float(v) for v in exact], drawn)

    def _compared(
        self,
        kind: Literal["metric", "class", "slice"],
        name: str,
        rows: int,
        exact: Sequence[float],
        drawn: Sequence[Floats],
    ) -> tuple[Row, Floats]:
        bootstrap = Bootstrap(self.rule.bootstrap_samples, self.rule.confidence, self.seed)
        before, after = (
            Estimate(float(value), *bootstrap.interval(samples))
            for value, samples in zip(exact, drawn, strict=True)
        )
        differences = drawn[1] - drawn[0]
        gain = Estimate(after.value - before.value, *bootstrap.interval(differences))
        return Row(kind, name, rows, before, after, gain), differences


def f1_of_classes(sums: Floats) -> Floats:
    """F1 of each class, from the sums that every problem counts: right, predicted, true."""
    return f1_score(*np.split(sums, 3, axis=-1))


def lengths(inputs: Sequence[Any]) -> NDArray[np.int64]:
    """Characters of each input: of a text, or of the tokens of a sentence with blanks between."""
    texts = (each if isinstance(each, str) else " ".join(each) for each in inputs)
    return np.array([len(text) for text in texts], dtype=np.int64)


def quarters(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which quarter, 0 to 3, each value is in; equal values are in the same one."""
    return np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values, side="left")
