"""The headline metric on parts of the test split, and whether it is another one there.

Each slice is compared with the other rows of the test, on the same resamples of the documents, so
that a difference has an interval and a p-value (`significance.py`). Of many slices some look bad by
chance: the p-values are corrected for their number (Holm 1979).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import Problem
from tasks.problems.weighted import Floats, Scores, Sums, Values
from tasks.statistics.bootstrap import DRAWS_AT_ONCE, Bootstrap, documents_of, draw_weights
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.significance import SAMPLES, holm, p_value, samples_for

Mask = NDArray[np.bool_]
WORSE, BETTER, CHANCE = "worse", "better", "could be chance"
MOST_VALUES = 8  # of a column of numbers; of more, the quarters are looked at
MOST_SLICES = 20  # of a column
EMPTY = "(empty)"


@dataclass(frozen=True)
class Slice:
    """Some rows of the test.

    Attributes:
        column: what they have in common: a column, `length` or `label`.
        value: the value of it.
        rows: which rows they are, of shape (rows,).
    """

    column: str
    value: str
    rows: Mask


@dataclass(frozen=True)
class Measured:
    """The headline metric on a slice, and its difference from the other rows.

    Attributes:
        difference: how much better it is on the slice, positive also where lower values are better.
        p: corrected for the number of slices; two-sided.
        verdict: WORSE, BETTER or CHANCE.
    """

    column: str
    name: str
    rows: int
    documents: int
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float
    verdict: str


def measure_slices(
    kind: Problem,
    table: pd.DataFrame,
    labels: Sequence[str],
    slices: Sequence[Slice],
    bootstrap: Bootstrap,
) -> list[Measured]:
    """The slices that are large enough, the worst first: those that are shown to be worse on top.

    Args:
        kind: the problem.
        table: the answers to all rows: document, gold, predicted.
        labels: the possible answers.
        slices: what to look at; those of fewer than FEWEST_DOCUMENTS documents are left out, and
            those that leave fewer to compare with.
        bootstrap: the resamples.
    """
    position, number = documents_of(list(table["document"]))
    chosen = [each for each in slices if is_large_enough(each, position)]
    every = kind.score(table["gold"], table["predicted"], labels)
    whole = every.by_group(position, number)

    def score(rows: Mask) -> Scores:
        part = table[rows]
        return kind.score(part["gold"], part["predicted"], labels)

    sides = [_sides(each.rows, every, score, position) for each in chosen]
    metric = kind.METRICS[kind.HEADLINE]
    drawn = _resampled(sides, whole, kind.HEADLINE, bootstrap)
    ones = np.ones((1, number))
    found: list[Measured] = []
    for each, side, values in zip(chosen, sides, drawn, strict=True):
        here, there = (
            float(value[kind.HEADLINE][0]) for value in side.measure(ones, _sums(whole, ones))
        )
        differences = metric.sign * (values[0] - values[1])
        low, high = bootstrap.interval(values[0])
        difference_low, difference_high = bootstrap.interval(differences)
        found.append(
            Measured(
                each.column,
                each.value,
                rows=int(each.rows.sum()),
                documents=len(np.unique(position[each.rows])),
                value=here,
                low=low,
                high=high,
                difference=metric.sign * (here - there),
                difference_low=difference_low,
                difference_high=difference_high,
                p=p_value(differences),
                verdict=CHANCE,
            )
        )
    return _in_order(found, 1 - bootstrap.confidence)


def is_large_enough(each: Slice, position: NDArray[np.int64]) -> bool:
    """Whether a slice, and the rows beside it, have enough documents to say anything."""
    return all(
        len(np.unique(position[rows])) >= FEWEST_DOCUMENTS for rows in (each.rows, ~each.rows)
    )


class _Sides(Protocol):
    """A slice and the other rows, prepared for resampling."""

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""

    def measure(self, weights: Floats, sums: Floats | None, /) -> tuple[Values, Values]:
        """The metrics of the slice and of the other rows, from weights of (resamples, documents).

        Args:
            weights: of the documents.
            sums: over all rows, where metrics are functions of sums.
        """


@dataclass(frozen=True)
class _OfSums:
    """The sums of a slice by its documents alone; those of the other rows are the difference.

    So the slices of a column take the memory of one table of documents, not of one each.
    """

    counts: Floats
    documents: NDArray[np.int64]
    metrics: Callable[[Floats], Values]

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""
        return max(self.counts.shape)

    def measure(self, weights: Floats, sums: Floats | None, /) -> tuple[Values, Values]:
        here = weights[:, self.documents] @ self.counts
        assert sums is not None
        return self.metrics(here), self.metrics(sums - here)


@dataclass(frozen=True)
class _OfRows:
    """Metrics of each side that are no sums, from the answers to its rows."""

    here: Scores
    there: Scores

    @property
    def width(self) -> int:
        """Numbers in memory for each resample."""
        return max(self.here.width, self.there.width)

    def measure(self, weights: Floats, _sums: Floats | None, /) -> tuple[Values, Values]:
        return self.here.measure(weights), self.there.measure(weights)


def _sides(
    rows: Mask, every: Scores, score: Callable[[Mask], Scores], position: NDArray[np.int64]
) -> _Sides:
    """A slice and the other rows, by documents."""
    if isinstance(every, Sums):
        documents, place = np.unique(position[rows], return_inverse=True)
        part = replace(every, counts=every.counts[rows]).by_group(place, len(documents))
        return _OfSums(np.asarray(part.counts, dtype=np.float64), documents, every.metrics)
    number = int(position.max()) + 1
    return _OfRows(*(score(side).by_group(position[side], number) for side in (rows, ~rows)))


def _sums(whole: Scores, weights: Floats) -> Floats | None:
    """The sums over all rows on each resample; None where metrics are no functions of sums."""
    return weights @ whole.counts if isinstance(whole, Sums) else None


def _resampled(
    sides: Sequence[_Sides], whole: Scores, headline: str, bootstrap: Bootstrap
) -> list[list[Floats]]:
    """The headline metric on each side of each slice, over the resamples."""
    generator = np.random.default_rng(bootstrap.seed)
    widest = max((side.width for side in sides), default=1)
    chunk = max(1, DRAWS_AT_ONCE // max(whole.rows, widest))
    found: list[list[list[Floats]]] = [[[], []] for _ in sides]
    for start in range(0, bootstrap.samples, chunk):
        weights = draw_weights(generator, whole.rows, min(chunk, bootstrap.samples - start))
        sums = _sums(whole, weights)
        for side, values in zip(sides, found, strict=True):
            for metrics, each in zip(side.measure(weights, sums), values, strict=True):
                each.append(metrics[headline])
    return [[np.concatenate(each) for each in values] for values in found]


def samples_of(slices: int, documents: int, confidence: float) -> int:
    """Resamples that can show one of so many slices, within the limits of time.

    The least p-value, 2 / (samples + 1), is multiplied by the number of slices (Holm).
    """
    needed = 2 * fewest_samples(slices, confidence)
    return int(min(max(samples_for(documents), needed), SAMPLES))


def fewest_samples(slices: int, confidence: float) -> int:
    """With fewer resamples than these, none of so many slices can be shown to be worse."""
    return int(2 * slices / (1 - confidence))


def _in_order(found: Sequence[Measured], level: float) -> list[Measured]:
    """The slices with corrected p-values and verdicts, the worst first."""
    corrected = holm([each.p for each in found])
    judged = []
    for each, p in zip(found, corrected, strict=True):
        verdict = CHANCE if p >= level else WORSE if each.difference < 0 else BETTER
        judged.append(replace(each, p=p, verdict=verdict))
    return sorted(judged, key=lambda each: (each.verdict != WORSE, each.difference))


def slices_of(column: str, values: Sequence[Any]) -> tuple[list[Slice], int]:
    """The slices of a column: its values, or the quarters of its numbers if there are many.

    Args:
        column: its name.
        values: of each row; None where it has none. A row may have several, as a list.

    Returns:
        The slices, at most MOST_SLICES, those with most rows first; and how many are left out.
    """
    given = [tuple(v) if isinstance(v, list | np.ndarray) else (v,) for v in values]
    alone = [each[0] if len(each) == 1 else None for each in given]
    amounts = _amounts(alone)
    if amounts is not None:
        return _quarters(column, amounts), 0
    words = [{_word(value) for value in each} for each in given]
    counts = Counter(word for each in words for word in each)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    found = [
        Slice(column, word, np.array([word in each for each in words]))
        for word in ordered[:MOST_SLICES]
    ]
    return found, len(ordered) - len(found)


def _word(value: Any) -> str:
    text = "" if value is None or (isinstance(value, float) and np.isnan(value)) else str(value)
    return text.strip() or EMPTY


def _amounts(values: Sequence[Any]) -> Floats | None:
    """The values as numbers, if they are many different ones."""
    try:
        found = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        return None
    different = len(np.unique(found))
    return found if np.isfinite(found).all() and different > MOST_VALUES else None


def _quarters(column: str, values: Floats) -> list[Slice]:
    """A slice for each quarter of some numbers; equal ones are in the same."""
    ends = np.quantile(values, [0.25, 0.5, 0.75])
    quarter = np.searchsorted(ends, values, side="left")
    return [
        Slice(column, _range(values[quarter == number]), quarter == number)
        for number in range(4)
        if (quarter == number).any()
    ]


def _range(values: Floats) -> str:
    return f"{values.min():g} to {values.max():g}"
