"""The style of figures: one palette, direct labels, and titles that state the finding.

Figures are made without `pyplot`, whose registry of open figures is global, since stages may run in
threads. The bytes of a file depend only on what is drawn: they contain no dates and no versions.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.markdown import visible

INK, MUTED, GRID = "#1f2933", "#6b7785", "#e4e7eb"
BLUE, ORANGE, GREEN, PURPLE = "#1c6db2", "#d1701b", "#2f8a57", "#7a55a8"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE)
BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#9cc4e6", BLUE, "#0b3c68"])
_NAME, _TITLE = 40, 160  # characters

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Interval:
    """A number with its interval, as one line of a figure."""

    name: str
    value: float
    low: float
    high: float
    text: str
    color: str = BLUE


def canvas(
    title: str, subtitle: str = "", *, width: float = 7.0, height: float = 3.8
) -> tuple[Figure, Axes]:
    """An empty figure with its heading; sizes in inches."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    characters = round(width * 14)
    title, under = literal(cut(title, _TITLE)), fill(literal(subtitle), characters)
    lift = 8 + 12.5 * under.count("\n") + (15 if under else 0)
    heading: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "bottom",
    }
    axes.annotate(under, (0, 1), (0, 9), fontsize=9, color=MUTED, **heading)
    axes.annotate(
        fill(title, round(characters * 0.75)),
        (0, 1),
        (0, lift + 2),
        fontsize=11.5,
        color=INK,
        fontweight="bold",
        **heading,
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=9, length=0, pad=5)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def literal(text: str) -> str:
    """A text as it is, not as a formula: matplotlib typesets what is between two `$`."""
    return visible(text).replace("$", r"\$")


def named(name: str) -> str:
    """The name of a label or a series: a figure is as large as what is written in it."""
    return literal(cut(" ".join(name.split()), _NAME))


@contextmanager
def quiet_on_glyphs() -> Iterator[None]:
    """Draw signs that the font lacks, such as those of a label, as boxes without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def write_figure(figure: Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the drawing alone; creates the folder if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet_on_glyphs():
        figure.savefig(
            path,
            dpi=150,
            format="png",
            bbox_inches="tight",
            pad_inches=0.2,
            facecolor="white",
            metadata={"Software": None},
        )


def draw_curves(
    title: str, subtitle: str, series: Mapping[str, Points], *, x: str, y: str
) -> Figure:
    """Lines over steps, each named at its last point; a series without points is left out.

    The first series is drawn thin (many noisy points: the training loss), the others thick with a
    dot at each point.
    """
    figure, axes = canvas(title, subtitle)
    ends: list[tuple[float, str, str]] = []
    for number, (name, points) in enumerate(series.items()):
        if not points:
            continue
        color = PALETTE[number % len(PALETTE)]
        xs, ys = zip(*points, strict=True)
        noisy = number == 0 and len(series) > 1
        style: dict[str, Any] = (
            {"linewidth": 1.3, "alpha": 0.75} if noisy else {"linewidth": 2.0, "markersize": 4}
        )
        axes.plot(xs, ys, color=color, marker="" if noisy else "o", **style)
        ends.append((ys[-1], f"{named(name)} {ys[-1]:.3g}", color))
    axes.margins(x=0.01)
    _label_ends(axes, ends)
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
    return figure


def draw_areas(
    title: str,
    subtitle: str,
    series: Mapping[str, Points],
    *,
    values: Mapping[str, float],
    x: str,
    y: str,
) -> Figure:
    """Curves in percent, told apart by a legend with the value of each: they may end anywhere."""
    figure, axes = canvas(title, subtitle, width=6.5, height=4.5)
    for number, (name, points) in enumerate(series.items()):
        xs, ys = zip(*points, strict=True)
        color = PALETTE[number % len(PALETTE)]
        style = "-" if number < len(PALETTE) else "--"
        axes.plot(
            xs, ys, style, color=color, linewidth=1.8, label=f"{named(name)} {values[name]:.3f}"
        )
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
    return figure


def _label_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write names at the right ends of the lines, far enough apart to be readable."""
    low, high = axes.get_ylim()
    gap, floor = (high - low) * 0.065, -np.inf
    for value, text, color in sorted(ends):
        floor = max(value, floor + gap)
        position = (floor - low) / (high - low)
        axes.annotate(
            text,
            (1, position),
            (8, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            color=color,
            fontsize=9,
            va="center",
        )


def draw_intervals(
    title: str, subtitle: str, rows: Sequence[Interval], *, x: str, zero: bool = False
) -> Figure:
    """A dot and its interval for each row, the first on top, with the numbers written beside.

    Args:
        title: What was found.
        subtitle: What is shown, and how it was measured.
        rows: What to draw, from top to bottom.
        x: Name of the horizontal axis.
        zero: Mark zero, which means no difference.
    """
    figure, axes = canvas(title, subtitle, height=0.9 + 0.52 * len(rows))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    for height, row in enumerate(reversed(rows)):
        axes.plot([row.low, row.high], [height, height], color=row.color, linewidth=2.4)
        axes.plot([row.value], [height], color=row.color, marker="o", markersize=8)
        axes.annotate(
            row.text,
            (1, height),
            (10, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=row.color,
            fontsize=9,
            va="center",
        )
    if zero:
        axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(rows)), [named(row.name) for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.margins(x=0.08)
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    return figure


def draw_scatter(title: str, subtitle: str, points: Points, *, x: str, y: str) -> Figure:
    """A dot for each pair of numbers, and the line on which both are equal."""
    figure, axes = canvas(title, subtitle, width=5.0, height=5.0)
    xs, ys = (np.array(values) for values in zip(*points, strict=True))
    ends = [min(xs.min(), ys.min()), max(xs.max(), ys.max())]
    axes.plot(ends, ends, color=MUTED, linewidth=1)
    dense = min(1.0, 20 / len(points) ** 0.5)  # many dots must not become one area
    axes.plot(xs, ys, "o", color=BLUE, markersize=4, alpha=dense, markeredgewidth=0)
    axes.grid(axis="both", color=GRID, linewidth=0.8)
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
    return figure


def draw_reliability(
    title: str, subtitle: str, bins: Sequence[tuple[float, float, float]], *, x: str, y: str
) -> Figure:
    """A dot for each bin of answers, and the line on which both of its numbers are equal.

    Args:
        title: what was found.
        subtitle: what is shown.
        bins: how sure its answers are and how many are right, in percent; its share of the rows.
        x: name of the horizontal axis.
        y: name of the vertical axis.
    """
    figure, axes = canvas(title, subtitle, width=5.0, height=5.0)
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1)
    xs, ys, shares = (np.array(values) for values in zip(*bins, strict=True))
    axes.plot(xs, ys, color=BLUE, linewidth=1, alpha=0.5)
    axes.scatter(xs, ys, s=np.maximum(1500 * shares, 12), color=BLUE, alpha=0.75, linewidth=0)
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.grid(axis="both", color=GRID, linewidth=0.8)
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
    return figure


def draw_confusion(
    title: str, subtitle: str, counts: NDArray[np.int64], names: Sequence[str], *, most: int = 20
) -> Figure:
    """A confusion matrix: a row for each true label, coloured by the share of its row.

    Args:
        title: what was found.
        subtitle: what is shown.
        counts: shape (labels, labels), true by predicted.
        names: the labels, in the order of `counts`.
        most: of more labels, those with the most errors are shown.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if len(names) > most:
        subtitle += f"; the {most} of {len(names)} labels with the most errors"
    kept = most_confused(counts, most)
    size = len(kept)
    figure, axes = canvas(title, subtitle, width=max(6.0, 0.5 * size), height=max(3.2, 0.46 * size))
    axes.imshow(shares[np.ix_(kept, kept)], cmap=BLUES, vmin=0, vmax=1)
    for y, row in enumerate(kept):
        for x, column in enumerate(kept):
            if counts[row, column]:
                color = "white" if shares[row, column] > 0.45 else INK
                text = f"{counts[row, column]:,}"
                axes.text(x, y, text, ha="center", va="center", fontsize=7.5, color=color)
    shown = [named(names[i]) for i in kept]
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks(range(size), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), shown)
    axes.set_xlabel("predicted", color=MUTED, fontsize=9)
    axes.set_ylabel("true", color=MUTED, fontsize=9)
    return figure


def most_confused(counts: NDArray[np.int64], most: int) -> list[int]:
    """The labels with the most errors, in their old order."""
    off = counts - np.diag(np.diag(counts))
    errors = off.sum(axis=0) + off.sum(axis=1)
    return sorted(np.argsort(-errors, kind="stable")[:most].tolist())
