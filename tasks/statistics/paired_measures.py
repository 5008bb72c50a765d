"""Two models on one test split: each number with an interval, each difference paired.

The headline metric on all rows; that of each part that the problem has (F1 of each class); the
headline metric on each quarter of the rows by length in characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.experiment.retraining import Rule
from tasks.problems import Metric, Problem, Unit
from tasks.problems.weighted import Scores, on_all_rows
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.significance import least_p

Floats = NDArray[np.float64]
_INNER = ("second quarter", "third quarter")
QUARTERS = {
    "length": ("shortest quarter", *_INNER, "longest quarter"),
    "brightness": ("darkest quarter", *_INNER, "brightest quarter"),
}


@dataclass(frozen=True)
class Slicing:
    """What the test rows are cut into quarters by.

    Attributes:
        by: of `QUARTERS`.
        values: of each row.
    """

    by: str
    values: NDArray[Any]

    @classmethod
    def of(cls, rows: pd.DataFrame, answers: pd.DataFrame) -> Slicing:
        """Of pictures their mean pixel, else the length of the inputs in characters.

        Args:
            rows: the test rows; of pictures with a column `pixels`.
            answers: to them: document, the inputs, gold, predicted.
        """
        if "pixels" in rows:
            return cls("brightness", np.array([np.mean(each) for each in rows["pixels"]]))
        names = list(answers.columns)
        inputs = names[1 : names.index("gold")]  # behind the document; two of a pair
        return cls("length", np.sum([lengths(list(answers[name])) for name in inputs], axis=0))


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One line of the table of both models.

    Attributes:
        kind: `metric`, `part` (such as a class) or `slice`.
        name: the metric, the part or the slice.
        rows: number of test rows behind it; for a class, how often it is true.
        before: the champion, or the majority baseline if there is none.
        after: the challenger.
        difference: how much better the challenger is, paired: positive if it is better, also if
            lower values are better.
        unit: of the metric.
        verdict: the verdict on the difference.
        blocks: whether it prevents a promotion.
    """

    kind: Literal["metric", "part", "slice"]
    name: str
    rows: int
    before: Estimate
    after: Estimate
    difference: Estimate
    unit: Unit = "share"
    verdict: str = ""
    blocks: bool = False


@dataclass(frozen=True)
class PairedMeasures:
    """The answers of both models, and how they are evaluated.

    Attributes:
        table: the challenger's answers: document, input, gold, predicted.
        before: the other model's answers to the same rows.
    """

    kind: Problem
    rule: Rule
    seed: int
    labels: Sequence[str]
    table: pd.DataFrame
    before: Sequence[Any]

    def headline(self) -> Line:
        """The deciding metric."""
        return self._measured("metric", self.kind.HEADLINE, *self._whole)[0]

    def least_p(self) -> float:
        """The smallest p-value that the rows answered differently can give (`significance.py`)."""
        documents, (before, after) = self._whole
        return least_p(before, after, documents)

    def parts(self) -> Iterator[tuple[Line, Floats]]:
        """Each part that the test has, such as a class, and the resampled difference."""
        if self.kind.PARTS is None:
            return
        report = self.kind.report(self.table["gold"], self.table["predicted"], self.labels)
        found = self._sides(self.table, list(self.before), self.kind.part_scores)
        exact = [on_all_rows(side) for side in found]
        drawn = self._bootstrap.resample(found, list(self.table["document"]))
        for name, support in zip(report["class"], report["support"], strict=True):
            if support:
                sides = [(e[name], d[name]) for e, d in zip(exact, drawn, strict=True)]
                metric = self.kind.PARTS.metric
                yield self._compared("part", str(name), int(support), sides, metric)

    def slices(self, slicing: Slicing) -> Iterator[tuple[Line, Floats]]:
        """Each quarter of the rows: the headline metric, and its difference."""
        quarter = quarters(slicing.values)
        for number, name in enumerate(QUARTERS[slicing.by]):
            chosen = quarter == number
            if chosen.any():
                yield self._measured("slice", name, *self._scores(chosen))

    def widened(self, looked_at: Sequence[tuple[Line, Floats]]) -> Iterator[Line]:
        """The rows, with simultaneous intervals of their differences."""
        level = 1 - (1 - self.rule.confidence) / max(1, len(looked_at))
        bootstrap = Bootstrap(self.rule.bootstrap_samples, level, self.seed)
        for row, differences in looked_at:
            low, high = bootstrap.interval(differences)
            yield replace(row, difference=Estimate(row.difference.value, low, high))

    @property
    def _bootstrap(self) -> Bootstrap:
        return Bootstrap(self.rule.bootstrap_samples, self.rule.confidence, self.seed)

    @cached_property
    def _whole(self) -> tuple[Sequence[str], list[Scores]]:
        """The documents of all rows, and the answers of each model."""
        return self._scores(np.ones(len(self.table), dtype=bool))

    def _scores(self, chosen: NDArray[np.bool_]) -> tuple[Sequence[str], list[Scores]]:
        """The documents of some rows, and the answers of each model to them."""
        table = self.table[chosen]
        before = [a for a, c in zip(self.before, chosen, strict=True) if c]
        return list(table["document"]), self._sides(table, before, self.kind.score)

    def _sides(
        self, table: pd.DataFrame, before: list[Any], score: Callable[..., Scores]
    ) -> list[Scores]:
        """The answers of the other model and of the challenger."""
        answers = (before, list(table["predicted"]))
        return [score(table["gold"], each, self.labels) for each in answers]

    def _measured(
        self,
        kind: Literal["metric", "slice"],
        name: str,
        documents: Sequence[str],
        scores: Sequence[Scores],
    ) -> tuple[Line, Floats]:
        """The headline metric on some rows."""
        headline = self.kind.HEADLINE
        drawn = self._bootstrap.resample(scores, documents)
        sides = [
            (on_all_rows(side)[headline], samples[headline])
            for side, samples in zip(scores, drawn, strict=True)
        ]
        return self._compared(kind, name, len(documents), sides, self.kind.METRICS[headline])

    def _compared(
        self,
        kind: Literal["metric", "part", "slice"],
        name: str,
        rows: int,
        sides: Sequence[tuple[float, Floats]],
        metric: Metric,
    ) -> tuple[Line, Floats]:
        bootstrap = self._bootstrap
        before, after = (
            Estimate(float(value), *bootstrap.interval(samples)) for value, samples in sides
        )
        differences = metric.sign * (sides[1][1] - sides[0][1])
        gain = metric.sign * (after.value - before.value)
        difference = Estimate(gain, *bootstrap.interval(differences))
        return Line(kind, name, rows, before, after, difference, metric.unit), differences


def lengths(inputs: Sequence[Any]) -> NDArray[np.int64]:
    """Characters of each input: of a text, or of the tokens of a sentence with blanks between."""
    texts = (each if isinstance(each, str) else " ".join(each) for each in inputs)
    return np.array([len(text) for text in texts], dtype=np.int64)


def quarters(values: NDArray[Any]) -> NDArray[np.int64]:
    """Which quarter, 0 to 3, each value is in; equal values are in the same one."""
    return np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values, side="left")
