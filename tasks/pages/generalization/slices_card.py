"""The page of the slices: the headline metric on each, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.pages import numbers as pages
from tasks.pages.document import Cell
from tasks.pages.figures import BLUE, MUTED, ORANGE, Interval, draw_intervals
from tasks.pages.generalization.writing import read, said, write_card
from tasks.problems import Metric
from tasks.statistics import numbers
from tasks.statistics.slicing.slices import BETTER, WORSE

TITLE = "Slices"
FIGURES = {"slices.png": "the difference of each slice from the other rows, the worst first"}
MOST_DRAWN = 15
_COLORS = {WORSE: ORANGE, BETTER: BLUE}


def show(artifact: Path, out: Path) -> None:
    """Write card.md and slices.png.

    Args:
        artifact: folder of stage `slices`.
        out: empty folder.
    """
    found = read(artifact)
    write_card(TITLE, blocks(found), figures(found), out)


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, and the table of all slices."""
    metric = Metric(**found["metric"])
    better = metric.words + ("" if metric.sign > 0 else " (lower is better)")
    rows: list[list[str | Cell]] = [
        [
            Cell(f"{each['column']}: {each['name']}", strong=each["verdict"] == WORSE),
            f"{each['rows']:,}",
            numbers.with_interval(each["value"], each["low"], each["high"], metric.unit),
            _difference(each, metric),
            f"{each['p']:.3f}",
            each["verdict"],
        ]
        for each in found["slices"]
    ]
    header = ["slice", "rows", better, numbers.in_words(metric.unit, "against the others"), "p"]
    parts = [said(found)]
    if rows:
        parts.append(pages.table([*header, "verdict"], rows))
    parts.append(
        f"{found['rows']} of the test, by {escaped(', '.join(found['columns']))}. In brackets: "
        f"{100 * found['confidence']:g} % bootstrap intervals over documents, of each slice alone. "
        "p is of the difference from the other rows, corrected for the number of slices (Holm)."
    )
    if found["too_many"]:
        parts.append(
            "**So many slices that none can be shown to be worse after the correction for their "
            "number: slice by fewer columns.**"
        )
    if found["left_out"]:
        parts.append(f"Not looked at: {escaped('; '.join(found['left_out']))}.")
    return parts


def _difference(each: Mapping[str, Any], metric: Metric) -> str:
    low, high = each["difference_low"], each["difference_high"]
    return numbers.difference(each["difference"], low, high, metric.unit)


def figures(found: Mapping[str, Any]) -> dict[str, Figure]:
    """The difference of each slice from the other rows; none without slices."""
    metric, slices = Metric(**found["metric"]), found["slices"]
    if not slices:
        return {}
    worse = sum(each["verdict"] == WORSE for each in slices)
    title = f"{worse} of {len(slices)} slices are shown to be worse than the other rows"
    beside = f", the {MOST_DRAWN} worst" if len(slices) > MOST_DRAWN else ""
    rows = [_line(each, metric) for each in slices[:MOST_DRAWN]]
    drawn = draw_intervals(
        title,
        f"{found['rows']} of the test{beside}; {100 * found['confidence']:g} % bootstrap "
        "intervals; in colour: shown, corrected for the number of slices",
        rows,
        x=numbers.in_words(metric.unit, f"{metric.words} against the other rows"),
        zero=True,
    )
    return {"slices.png": drawn}


def _line(each: Mapping[str, Any], metric: Metric) -> Interval:
    """A slice as a line of the figure."""
    value, low, high = (
        numbers.scaled(each[name], metric.unit)
        for name in ("difference", "difference_low", "difference_high")
    )
    text = f"{numbers.plain(each['value'], metric.unit)}, {each['rows']:,} rows"
    name = f"{each['column']}: {each['name']}"[:40]
    return Interval(name, value, low, high, text, _COLORS.get(each["verdict"], MUTED))
