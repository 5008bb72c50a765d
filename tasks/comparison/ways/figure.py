"""The picture of the ways of tuning: quality over cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from tasks.comparison.comparison import Tuned
from tasks.comparison.overlays import as_picture
from tasks.pages.document import Picture
from tasks.pages.figures import INK, MUTED, PALETTE, canvas, literal

MEAN = "mean of "  # before the labels of a setting of several seeds


def picture_of_ways(problem: str, metric: str, ways: Sequence[Tuned]) -> Picture:
    """The figure as a picture; arguments as those of `draw_ways`."""
    words = f"{problem}: {metric} over the seconds of fine-tuning"
    return as_picture(draw_ways(problem, metric, ways), f"ways-{problem}.png", words)


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
