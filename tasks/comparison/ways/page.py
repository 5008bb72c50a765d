"""The ways of tuning on the page of a comparison: a table and a picture for each problem."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.comparison.comparison import Comparison, Tuned
from tasks.comparison.values import ABSENT
from tasks.machinery.naming.metric_name import headline_of
from tasks.pages.document import Block, Cell, Grid, Paragraph
from tasks.statistics import numbers
from tasks.statistics.significance import BETTER, WORSE

MEGABYTE = 10**6
_HOW = (
    "Seconds are those of the fine-tuning when it was computed, watt-hours (Wh) an estimate from "
    "them, as in the table of costs; the peak is that of the whole "
    "process, libraries included; on disk is what was learnt: the adapter, or the model where "
    "there is none. The verdicts are those of the tests above, corrected for their number."
)


def ways_blocks(found: Comparison, *, figures: bool) -> list[Block]:
    """The tables, and with `figures` a picture of quality over cost for each problem."""
    blocks: list[Block] = []
    for problem, ways in found.ways.items():
        metric = next(filter(None, (headline_of(r.metrics, problem) for r in found.runs)), "")
        blocks.append(_grid(problem, metric, ways))
        drawn = [way for way in ways if way.value is not None and way.seconds]
        if figures and len(drawn) > 1:
            from tasks.comparison.ways.figure import picture_of_ways

            blocks.append(picture_of_ways(problem, metric, drawn))
    return [*blocks, Paragraph(_HOW)] if blocks else []


def _grid(problem: str, metric: str, ways: Sequence[Tuned]) -> Grid:
    header = [problem, "method", "trained", "share", "seconds", "Wh", "peak MB", "MB on disk"]
    return Grid([*header, metric, "against full"], [_row(way) for way in ways], strong="not chance")


def _row(way: Tuned) -> list[Cell]:
    against, verdict = way.against, ABSENT
    if against is not None:
        shown = numbers.difference(against.value, against.low, against.high, "number")
        verdict = f"{shown}, {against.second}: {against.verdict}"
    value = ABSENT
    if way.value is not None:
        value = numbers.with_interval(way.value.value, way.value.low, way.value.high, "number")
    texts = [
        *(way.setting, way.method),
        ABSENT if way.trained is None else f"{way.trained:,.0f}",
        ABSENT if way.share is None else f"{100 * way.share:.3g} %",
        ABSENT if way.seconds is None else f"{way.seconds:,.1f}",
        ABSENT if way.watt_hours is None else f"{way.watt_hours:,.3g}",
        ABSENT if way.memory is None else f"{way.memory:,.0f}",
        ABSENT if way.size is None else f"{way.size / MEGABYTE:,.3g}",
        value,
    ]
    sure = against is not None and against.verdict in (BETTER, WORSE)
    return [*(Cell(text) for text in texts), Cell(verdict, sure)]
