"""Figures of explanations: curves of the checks, coloured words, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill, shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from tasks.models.explaining.verdicts import verdict
from tasks.pages.explanations.coloured import (
    AGAINST,
    FOR,
    STRONGEST,
    heading,
    runs_of,
    shares_of,
)
from tasks.pages.explanations.found import Found
from tasks.pages.figures import GRID, INK, MUTED, PALETTE, literal, quiet_on_glyphs

SIZE = 9.0  # of letters, points
WIDTH = 9.0  # inches
LINE = 0.21
LONGEST = 400  # characters of a text that is drawn
BLUE, ORANGE = (f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in (FOR, AGAINST))
HEAT = LinearSegmentedColormap.from_list("heat", [ORANGE, "#ffffff", BLUE])
MOST_ANSWERS, BARS = 12, 8  # whose words are drawn, and how many words that speak for each


def curves_figure(found: Found) -> Figure:
    """The strength of the answers while words become blank, and while blank rows are filled."""
    figure = Figure(figsize=(8.6, 3.6))
    FigureCanvasAgg(figure)
    plots: Any = figure.subplots(1, 2, sharey=True)
    shares = [100 * each for each in found.curves["shares"]]
    parts = found.facts["parts"]
    strength = "probability of the answer" if found.facts["probable"] else "distance, deviations"
    for axes, name, words in zip(
        plots,
        ("deletion", "insertion"),
        (f"{parts} made blank, the most telling first", f"{parts} filled in, the same order"),
        strict=True,
    ):
        axes.plot(shares, found.curves["random"][name], color=MUTED, label="random orders")
        for number, method in enumerate(found.curves["methods"]):
            curve = found.curves["methods"][method][name]
            colour = PALETTE[number % len(PALETTE)]
            axes.plot(shares, curve, color=colour, label=method, marker="o", markersize=3)
        axes.set_xlabel(f"{words}, %", color=MUTED, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=9)
    plots[0].set_ylabel(strength, color=MUTED, fontsize=9)
    plots[0].legend(fontsize=8, frameon=False)
    said = f"{verdict(found.metrics, found.best)}."
    figure.suptitle(literal(fill(said, 100)), ha="left", x=0.06, fontsize=10, fontweight="bold")
    with quiet_on_glyphs():
        figure.tight_layout()
    return figure


def texts_figure(found: Found, rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Rows as coloured words by the best method."""
    method = found.best
    placed, height = [], 0.0
    for row in rows:
        lines = _lines(row, method, found.least[method])
        placed.append((height, row, lines))
        height += LINE * (len(lines) + 1.8)
    whole = max(height, LINE) + 0.7
    figure = Figure(figsize=(WIDTH, whole))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(whole, 0)
    axes.text(0.2, 0.25, literal(title), fontsize=11, fontweight="bold", color=INK, va="center")
    axes.text(
        0.2,
        0.48,
        literal(f"by {method}; blue speaks for the answer, orange against it"),
        fontsize=8,
        color=MUTED,
        va="center",
    )
    for top, row, lines in placed:
        _draw_row(axes, 0.8 + top, row, lines)
    return figure


def _lines(
    row: Mapping[str, Any], method: str, least: float
) -> list[list[tuple[str, float, float, float]]]:
    """The words of a row in lines: each text, its place and width in inches, and its share."""
    values = row["values"][method]
    shares = shares_of(values, least)
    lines: list[list[tuple[str, float, float, float]]] = [[]]
    at = 0.0
    shown = 0
    for column in row["texts"]:
        for text, number in runs_of(row, column):
            share = 0.0 if number is None else shares[number]
            words = text.split() if number is None else [" ".join(text.split())]
            gap = 0.07 if number is None and text != text.lstrip() else 0.02
            at += gap
            for word in words:
                shown += len(word)
                if shown > LONGEST:
                    lines[-1].append(("…", at, 0.1, 0.0))
                    return lines
                width = _width(word)
                if at + width > WIDTH - 0.6 and at:
                    lines.append([])
                    at = 0.0
                lines[-1].append((word, at, width, share))
                at += width
        at += 0.25
    return lines


def _width(text: str) -> float:
    """The width of a text in inches."""
    extents = TextPath((0, 0), literal(text), size=SIZE, prop=FontProperties()).get_extents()
    return float(extents.width) / 72 + 0.06


def _draw_row(
    axes: Axes,
    top: float,
    row: Mapping[str, Any],
    lines: Sequence[Sequence[tuple[str, float, float, float]]],
) -> None:
    said = shorten(f"{heading(row)}; why {row['explained']}", 110, placeholder=" …")
    axes.text(0.2, top, literal(said), fontsize=8, color=MUTED, va="center")
    for number, line in enumerate(lines, 1):
        for text, at, width, share in line:
            base = FOR if share > 0 else AGAINST
            colour = (*(c / 255 for c in base), STRONGEST * abs(share))
            y = top + LINE * number
            if abs(share) > 0.02:
                x = (0.2 + at) / WIDTH
                axes.axhspan(
                    y - LINE * 0.43,
                    y + LINE * 0.43,
                    x,
                    x + width / WIDTH,
                    color=colour,
                    linewidth=0,
                )
            axes.text(0.23 + at, y, literal(text), fontsize=SIZE, color=INK, va="center")


def grid_of(values: Sequence[float]) -> NDArray[np.float64]:
    """The attributions of regions as a square."""
    side = round(len(values) ** 0.5)
    return np.reshape(values, (side, -1))


def heat_figure(found: Found, rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Pictures, each with a heat map of every method beside it."""
    pictures = np.load(found.folder / "shown.npy")
    numbers = {id(row): number for number, row in enumerate(found.shown)}
    each = 1 + len(found.methods)
    across = max(1, 6 // each) if len(rows) > 1 else 1
    down = -(-len(rows) // across)
    figure, axes = _maps(down, across * each, title)
    for number, row in enumerate(rows):
        here = axes[number // across][number % across * each : (number % across + 1) * each]
        picture = np.squeeze(pictures[numbers[id(row)]])
        _show(here[0], picture)
        words = row["answer"] if row["right"] else f"{row['truth']} → {row['answer']}"
        here[0].set_title(literal(shorten(words, 18, placeholder="…")), fontsize=7, color=INK)
        for place, method in zip(here[1:], found.methods, strict=True):
            _heat(place, grid_of(row["values"][method]), picture)
            place.set_title(literal(method), fontsize=6, color=MUTED)
    return figure


def words_figure(found: Found, method: str) -> Figure:
    """Bars of the words that speak most for each answer, and most against it, by a method."""
    answers = list(found.drivers.items())[:MOST_ANSWERS]
    across = min(3, len(answers))
    down = -(-len(answers) // across)
    whole = 2.6 * down + 0.7
    figure = Figure(figsize=(3.3 * across, whole))
    FigureCanvasAgg(figure)
    plots: Any = figure.subplots(down, across, squeeze=False)
    for axes in plots.flat[len(answers) :]:
        axes.set_axis_off()
    for axes, (answer, each) in zip(plots.flat, answers, strict=False):
        words = each["methods"][method]
        shown = [*words[:BARS], *words[max(BARS, len(words) - BARS // 2) :]]
        values = [word["mean"] for word in shown]
        colours = [BLUE if value > 0 else ORANGE for value in values]
        axes.barh(range(len(shown)), values, color=colours)
        names = [literal(shorten(word["word"], 18, placeholder="…")) for word in shown]
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.axvline(0, color=INK, linewidth=0.8)
        said = f"{shorten(answer, 22, placeholder='…')}, {each['rows']:,} rows"
        axes.set_title(literal(said), fontsize=9, color=INK, loc="left")
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=8, length=0)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    title = f"Which words drive each answer: mean attribution to the {found.facts['score']}"
    figure.suptitle(
        literal(f"{title}, by {method}"), ha="left", x=0.03, fontsize=10, fontweight="bold"
    )
    with quiet_on_glyphs():
        figure.tight_layout()
    return figure


def drivers_figure(found: Found, method: str) -> Figure:
    """The mean heat map of each answer by a method."""
    answers = list(found.drivers.items())
    across = min(6, len(answers))
    title = f"Which regions drive each answer, by {method} (mean over its rows)"
    figure, axes = _maps(-(-len(answers) // across), across, title)
    for number, (answer, each) in enumerate(answers):
        here = axes[number // across][number % across]
        values = grid_of(each["methods"][method])
        most = max(float(np.abs(values).max()), 1e-12)
        here.imshow(values, cmap=HEAT, vmin=-most, vmax=most)
        said = f"{shorten(answer, 14, placeholder='…')}, {each['rows']:,}"
        here.set_title(literal(said), fontsize=7, color=INK)
    return figure


def _show(axes: Axes, picture: NDArray[np.uint8]) -> None:
    axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255)


def _heat(axes: Axes, values: NDArray[np.float64], picture: NDArray[np.uint8]) -> None:
    """A picture in pale grey, its regions coloured by their attributions."""
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    axes.imshow(128 + grey / 2, cmap="gray", vmin=0, vmax=255)
    shares = values / max(float(np.abs(values).max()), 1e-12)
    colours = HEAT(0.5 + 0.5 * np.sign(shares))
    colours[..., 3] = STRONGEST * np.abs(shares)
    down, across = grey.shape
    axes.imshow(colours, extent=(-0.5, across - 0.5, down - 0.5, -0.5))


def _maps(down: int, across: int, title: str) -> tuple[Figure, list[list[Axes]]]:
    """Empty axes without ticks, under a title."""
    whole = 1.15 * down + 0.6
    figure = Figure(figsize=(max(4.0, 1.05 * across), whole))
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(down, across, squeeze=False)
    for each in axes.flat:
        each.set_axis_off()
    figure.subplots_adjust(top=1 - 0.6 / whole, bottom=0.02, hspace=0.3)
    figure.suptitle(literal(title), fontsize=10, color=INK, y=1 - 0.1 / whole, va="top")
    return figure, axes.tolist()
