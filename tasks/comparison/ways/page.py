"""The ways of tuning on the page of a comparison: a table and a picture for each problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from tasks.comparison.comparison import Comparison, Tuned
from tasks.comparison.overlays import as_picture
from tasks.machinery.naming.metric_name import headline_of
from tasks.pages.document import Block, Cell, Grid, Words
from tasks.pages.figures import INK, MUTED, PALETTE, canvas, literal
from tasks.statistics import numbers
from tasks.statistics.significance import BETTER, WORSE

ABSENT = "–"
MEGABYTE = 10**6
MEAN = "mean of "  # before the labels of a setting of several seeds
_HOW = (
    "Seconds are those of the fine-tuning when it was computed; the peak is that of the whole "
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
            figure = draw_ways(problem, metric, drawn)
            words = f"{problem}: {metric} over the seconds of fine-tuning"
            blocks.append(as_picture(figure, f"ways-{problem}.png", words))
    return [*blocks, Words(_HOW)] if blocks else []


def _grid(problem: str, metric: str, ways: Sequence[Tuned]) -> Grid:
    header = [problem, "method", "trained", "share", "seconds", "peak MB", "MB on disk"]
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
        ABSENT if way.memory is None else f"{way.memory:,.0f}",
        ABSENT if way.size is None else f"{way.size / MEGABYTE:,.3g}",
        value,
    ]
    sure = against is not None and against.verdict in (BETTER, WORSE)
    return [*(Cell(text) for text in texts), Cell(verdict, sure)]


def draw_ways(problem: str, metric: str, ways: Sequence[Tuned]) -> Figure:
    """Quality over cost: a dot and its interval for each way, named.

    Args:
        problem: the name of the problem.
        metric: its headline metric.
        ways: those with a value and with seconds.
    """
    points = [(w, w.value, w.seconds) for w in ways if w.value is not None and w.seconds]
    quick, value, least = min(points, key=lambda point: point[2])
    title = f"{problem}: {quick.method} was the quickest, {least:,.1f} s for {value.value:.3f}"
    how = f"{metric} on the test and its interval, over the seconds of fine-tuning (log scale)"
    figure, axes = canvas(title, how)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axes.minorticks_off()
    for number, (way, found, seconds) in enumerate(points):
        color = PALETTE[number % len(PALETTE)]
        ends = [end if end is not None else found.value for end in (found.low, found.high)]
        axes.plot([seconds, seconds], ends, color=color, linewidth=1.6, alpha=0.5)
        axes.plot([seconds], [found.value], "o", color=color, markersize=13)
        mark = way.setting.removeprefix(MEAN).split(",")[0]
        inside: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "zorder": 4}
        axes.text(seconds, found.value, literal(mark), color="white", **inside)
    for number, (way, found, _) in enumerate(sorted(points, key=lambda point: -point[1].value)):
        text = f"{way.setting} {way.method}: {found.value:.3f}"
        beside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
        place = (1, 0.97 - 0.085 * number)
        axes.annotate(literal(text), place, (10, 0), color=INK, fontsize=9, va="center", **beside)
    axes.margins(x=0.12)
    axes.set_xlabel("seconds of fine-tuning", color=MUTED, fontsize=9)
    axes.set_ylabel(metric, color=MUTED, fontsize=9)
    return figure
