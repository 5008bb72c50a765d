"""What stage `explanation` left in its folder, and the words for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.machinery.naming.metric_name import MetricName
from tasks.models.explaining.verdicts import (
    COMPLETENESS,
    FAITHFULNESS,
    LIKENESS,
    failures,
    is_checked,
)
from tasks.pages.document import Cell, Grid
from tasks.statistics import numbers

STRONGEST = 3  # words of a row that a table names
SMALL = 0.2  # of the largest attribution of all rows that are shown
COUNT = "rows"


@dataclass(frozen=True)
class Found:
    """The folder of an explanation.

    Attributes:
        folder: it.
        facts: what was explained, in words: finding.json.
        metrics: the checks.
        shown: rows with the attributions of their parts: the mistakes first.
        drivers: what drives each answer.
        curves: the mean curves of deletion and insertion; empty if there are none.
    """

    folder: Path
    facts: dict[str, Any]
    metrics: dict[str, float]
    shown: list[dict[str, Any]]
    drivers: dict[str, dict[str, Any]]
    curves: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Found:
        """Read the folder of an explanation."""
        names = ("finding", "metrics", "shown", "drivers", "curves")
        read = (json.loads((folder / f"{n}.json").read_text(encoding="utf-8")) for n in names)
        return cls(folder, *read)

    @property
    def methods(self) -> list[str]:
        """By name."""
        return list(self.facts["methods"])

    @property
    def of_words(self) -> bool:
        """Whether the parts are words."""
        return bool(self.facts["parts"] == "words")

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """The wrong answers that are shown."""
        return [row for row in self.shown if not row["right"]]

    @property
    def right(self) -> list[dict[str, Any]]:
        """The right answers that are shown."""
        return [row for row in self.shown if row["right"]]

    @property
    def least(self) -> dict[str, float]:
        """The least attribution that has the strongest colour, by each method."""
        return {
            name: SMALL
            * max((abs(v) for row in self.shown for v in row["values"][name]), default=0)
            for name in self.methods
        }

    @property
    def best(self) -> str:
        """The method whose order is the most faithful, of those without a failure if there are.

        Methods without checks count only where no method has some.
        """
        checked = [name for name in self.methods if is_checked(self.metrics, name)] or self.methods
        whole = [name for name in checked if not failures(self.metrics, name)]
        known = {
            name: self.metrics.get(str(MetricName(FAITHFULNESS, name)), 0.0)
            for name in whole or checked
        }
        return max(known, key=lambda name: known[name])

    def number(self, metric: str, method: str, form: str) -> str:
        """A check as text, with its interval if it has one; a dash for none."""
        name = MetricName(metric, method)
        value = self.metrics.get(str(name))
        if value is None:
            return "–"
        low, high = self.metrics.get(name.low), self.metrics.get(name.high)
        ends = "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
        return f"{value:{form}}{ends}"


def check_grid(found: Found) -> Grid:
    """A row for each method."""
    header = [
        "method",
        "faithfulness",
        "completeness error",
        "likeness to random weights",
        "checks",
    ]
    rows = [
        [
            Cell(name),
            Cell(found.number(FAITHFULNESS, name, "+.3f")),
            Cell(found.number(COMPLETENESS, name, ".1%")),
            Cell(found.number(LIKENESS, name, "+.2f")),
            Cell(_passes(found, name)),
        ]
        for name in found.methods
    ]
    return Grid(header, rows, turns=False)


def _passes(found: Found, method: str) -> str:
    if failures(found.metrics, method):
        return "fails"
    return "passes" if is_checked(found.metrics, method) else "none made"


def driver_grids(found: Found, method: str) -> list[tuple[str, Grid]]:
    """For each answer the words that speak for it most, and against it, by a method."""
    grids = []
    for answer, each in found.drivers.items():
        words = each["methods"][method]
        rows = [
            [Cell(word["word"]), Cell(number(word["mean"])), Cell(f"{word[COUNT]:,}")]
            for word in words
        ]
        title = f"{answer}: {each['rows']:,} rows"
        grids.append((title, Grid(["word", "mean attribution", "in rows"], rows)))
    return grids


def strongest(row: Mapping[str, Any], method: str) -> str:
    """The words of a row that speak most for its answer: `owl +4.24, near +0.31`."""
    values: Sequence[float] = row["values"][method]
    order = sorted(range(len(values)), key=lambda i: -values[i])[:STRONGEST]
    return ", ".join(f"{word_of(row, i)} {number(values[i])}" for i in order if values[i] > 0)


def number(attribution: float) -> str:
    """An attribution as text."""
    return numbers.bare(attribution, "number", "+")


def word_of(row: Mapping[str, Any], number: int) -> str:
    """A word of a row, as it is written there."""
    column, start, end = row["pieces"][number]
    return str(row["texts"][column][start:end])
