"""The results as CSV, as Markdown, and as one picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from tests.benchmarks.growth import Curve
from tests.benchmarks.rows import Row

OF_LEVELS = ("#b3542d", "#8a8a8a")
COLOURS = {True: "#2a7f62", False: "#b3542d", None: "#8a8a8a"}  # by whether it is reached


def write_csv(rows: Sequence[Row], machine: Mapping[str, str], file: Path) -> None:
    """Write a line a row, the machine in each."""
    with file.open("w", newline="", encoding="utf-8") as out:
        lines = [row.cells() | dict(machine) for row in rows]
        writer = csv.DictWriter(out, lines[0])
        writer.writeheader()
        writer.writerows(lines)


def markdown(rows: Sequence[Row], notes: Sequence[str], machine: Mapping[str, str]) -> str:
    """The table, what is to be said under it, and what it was measured on."""
    cells = [row.cells() for row in rows]
    lines = [list(line.values()) for line in cells]
    if lines:
        lines = [list(cells[0]), ["---"] * len(cells[0]), *lines]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    facts = "; ".join(f"{name} {value}" for name, value in machine.items())
    return "\n\n".join([*filter(None, [table]), *notes, facts]) + "\n"


def draw(rows: Sequence[Row], curves: Sequence[Curve], file: Path) -> None:
    """Draw how far each target is, and below it what grows."""
    figure = pyplot.figure(
        figsize=(11, 1.6 + 0.42 * len(rows) + 2.6 * bool(curves)), layout="constrained"
    )
    heights = [0.42 * len(rows) + 0.6, 2.4] if curves else [1]
    above, *below = figure.subfigures(len(heights), height_ratios=heights, squeeze=False)[:, 0]
    draw_targets(above.subplots(), rows)
    for part in below:
        draw_curves(part, curves)
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def draw_compared(curves: Sequence[Curve], file: Path) -> None:
    """Draw curves alone, with what they are compared with."""
    figure = pyplot.figure(figsize=(11, 2.9), layout="constrained")
    draw_curves(figure, curves)
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def draw_curves(part: Any, curves: Sequence[Curve]) -> None:
    """Draw curves beside each other in a part of a figure."""
    for axes, curve in zip(part.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        draw_curve(axes, curve)


def draw_targets(axes: Any, rows: Sequence[Row]) -> None:
    """A bar a row: how many times better than its target (1 is the target)."""
    scores = [score(row) for row in rows]
    colours = [COLOURS[row.is_reached] for row in rows]
    places = range(len(rows))
    axes.barh(places, scores, color=colours, height=0.62)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_yticks(places, [f"{row.what}\n{row.against}" for row in rows], fontsize=7)
    axes.invert_yaxis()
    for place, row, reached in zip(places, rows, scores, strict=True):
        target = f" ({row.cells()['target']})" if row.target is not None else ""
        text = f"  {median(row.result):.3g}{target}"
        axes.text(max(reached, 0), place, text, va="center", fontsize=8)
    axes.set_xlim(0, 1.35 * max([*scores, 1]))
    axes.set_xlabel("times the target (in brackets); grey: the ratio itself", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def score(row: Row) -> float:
    """How many times better than the target; without one, the result itself.

    A target of 0 has no multiples: 2 where it is reached, 0 where it is not.
    """
    found = median(row.result)
    if row.target is None:
        return found
    if row.target == 0:
        return 2.0 if row.is_reached else 0.0
    if row.at_least:
        return found / row.target
    return row.target / found if found > 0 else 2.0


def draw_curve(axes: Any, curve: Curve) -> None:
    """What grows, over a logarithmic axis."""
    sizes, values = zip(*curve.points, strict=True)
    axes.semilogx(sizes, values, marker="o", color="#2a4f7f")
    if curve.ends:
        axes.fill_between(sizes, *zip(*curve.ends, strict=True), color="#2a4f7f", alpha=0.15)
    for (name, level), colour in zip(curve.levels.items(), cycle(OF_LEVELS)):
        axes.axhline(level, color=colour, linewidth=1)
        axes.text(sizes[0], level, name, color=colour, fontsize=7, va="top")
    axes.set_xticks(sizes, [f"{size:,g}" for size in sizes])
    axes.minorticks_off()
    tops = [*values, *curve.levels.values(), *(high for _, high in curve.ends)]
    axes.set_ylim(0, 1.1 * max(tops))
    axes.set_title(curve.name, fontsize=9)
    axes.set_xlabel(curve.x, fontsize=8)
    axes.set_ylabel(curve.y, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
