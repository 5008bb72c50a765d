"""The figures of a comparison, in the common style."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tasks.comparison.comparison import Comparison, MetricRow, Overlay
from tasks.comparison.curves import Curve
from tasks.machinery.naming.metric_name import MetricName, headline_of
from tasks.pages.document import Picture
from tasks.pages.figures import MUTED, PALETTE, Interval, canvas, draw_intervals, write_figure
from tasks.statistics import numbers

MOST_RUNS = 8  # more lines cannot be distinguished
_DASHES = ("-", "--")
_COLOURS = 96
_LOSSES = {
    "loss": "training loss",
    "quick_validation_loss": "validation loss",
    "validation_loss": "validation loss",
}


def headline_figures(found: Comparison) -> list[Picture]:
    """The headline metric of each problem with its intervals, one line per run."""
    problems = sorted({problem for run in found.runs for problem in run.problems})
    rows = {row.name: row for row in found.metrics}
    pictures = []
    for problem in problems:
        metric = next(filter(None, (headline_of(run.metrics, problem) for run in found.runs)), "")
        row = rows.get(str(MetricName(metric, problem=problem)))
        if metric and row is not None and sum(each is not None for each in row.values) > 1:
            figure = _intervals(problem, metric, row, found.labels)
            pictures.append(as_picture(figure, f"results-{problem}.png", f"{problem}: {metric}"))
    return pictures


def _intervals(problem: str, metric: str, row: MetricRow, labels: Sequence[str]) -> Figure:
    lines = []
    for number, (label, each) in enumerate(zip(labels, row.values, strict=True)):
        if each is not None:
            low = each.value if each.low is None else each.low
            high = each.value if each.high is None else each.high
            text = numbers.with_interval(each.value, low, high, "number")
            color = PALETTE[number % len(PALETTE)]
            lines.append(Interval(label, each.value, low, high, text, color))
    best = [labels[i] for i in sorted(row.best)]
    extreme = "highest" if row.way > 0 else "lowest"
    title = f"{problem}: {', '.join(best)} measured {extreme}" if best else f"{problem}: {metric}"
    how = "intervals of each run alone; the paired tests show whether runs differ"
    return draw_intervals(title, how, lines, x=metric)


def curve_figures(overlay: Overlay) -> list[Picture]:
    """One metric of one stage: by step, and by the seconds since training started."""
    curves = dict(list(merged(overlay).items())[:MOST_RUNS])
    loss = _LOSSES.get(overlay.metric, overlay.metric)
    lowest = min(curves, key=lambda label: curves[label].last)
    subtitle = f"{overlay.stage}, {loss}"
    if len(merged(overlay)) > len(curves):
        subtitle += f"; the first {MOST_RUNS} of {len(merged(overlay))} lines"
    stem = "".join(c if c.isalnum() else "-" for c in f"{overlay.stage}-{overlay.metric}")
    title = f"{overlay.stage}: {lowest} ends lowest, at {curves[lowest].last:.3g}"
    pictures = []
    for way, axis in (("step", "optimizer steps"), ("time", "seconds since training started")):
        figure = draw_overlay(
            title, f"{subtitle}, by {way}", curves, way=way, x=axis, y=overlay.loss
        )
        words = f"{overlay.stage}: {loss} by {way}"
        pictures.append(as_picture(figure, f"{stem}-by-{way}.png", words))
    return pictures


def merged(overlay: Overlay) -> dict[str, Curve]:
    """The curves; runs that share the stage have one curve: `A, B`."""
    names = {label: ", ".join(group) for group in overlay.shared for label in group}
    return {names.get(label, label): curve for label, curve in overlay.curves.items()}


def draw_overlay(
    title: str, subtitle: str, curves: Mapping[str, Curve], *, way: str, x: str, y: str
) -> Figure:
    """One line per run, each named at its last point."""
    figure, axes = canvas(title, subtitle)
    for number, curve in enumerate(curves.values()):
        xs = curve.steps if way == "step" else curve.seconds
        style: dict[str, Any] = {
            "color": PALETTE[number % len(PALETTE)],
            "linestyle": _DASHES[number // len(PALETTE) % len(_DASHES)],
        }
        few = len(xs) <= 30
        axes.plot(xs, curve.values, linewidth=1.6, marker="o" if few else "", ms=3, **style)
    axes.margins(x=0.02)
    name_ends(axes, curves)
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
    return figure


def name_ends(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Write each name right of the plot at the height of its line's end, without overlaps."""
    low, high = axes.get_ylim()
    floor = -np.inf
    order = sorted(range(len(curves)), key=lambda i: list(curves.values())[i].last)
    for i in order:
        label, curve = list(curves.items())[i]
        floor = max(curve.last, floor + (high - low) * 0.065)
        axes.annotate(
            f"{label} {curve.last:.3g}",
            (1, (floor - low) / (high - low)),
            (8, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            color=PALETTE[i % len(PALETTE)],
            fontsize=9,
            va="center",
        )


def as_picture(figure: Figure, name: str, words: str) -> Picture:
    """The bytes of a figure, in few colours, since pages embed their figures."""
    small = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figure.png"
        write_figure(figure, file)
        with Image.open(file) as drawn:
            drawn.convert("RGB").quantize(_COLOURS).save(small, "PNG", optimize=True)
    return Picture(name, words, small.getvalue())
