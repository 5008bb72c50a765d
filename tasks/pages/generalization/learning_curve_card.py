"""The page of a learning curve: the result over the number of labels, as one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from tasks.machinery.naming.metric_name import FROM_SCRATCH
from tasks.pages import numbers as pages
from tasks.pages.figures import BLUE, INK, MUTED, ORANGE, canvas
from tasks.pages.generalization.writing import read, said, write_card
from tasks.problems import Metric
from tasks.statistics import numbers

TITLE = "Learning curve"
FIGURES = {"learning-curve.png": "the result over the number of labels"}
MODELS = {"": ("pre-trained", BLUE), FROM_SCRATCH: ("from scratch", ORANGE)}


def show(artifact: Path, out: Path) -> None:
    """Write card.md and learning-curve.png.

    Args:
        artifact: folder of stage `learning-curve`.
        out: empty folder.
    """
    found = read(artifact)
    write_card(TITLE, blocks(found), figures(found), out)


def blocks(found: Mapping[str, Any]) -> list[str]:
    """The factor in labels, and the table of all points."""
    metric, points = Metric(**found["metric"]), found["points"]
    shown = {model: words for model, (words, _) in MODELS.items() if model in points[0]}
    rows = [
        [
            f"{100 * point['share']:g} %",
            f"{point['labels']:,}",
            *(_shown(point[model], metric) for model in shown),
        ]
        for point in points
    ]
    better = "" if metric.sign > 0 else " (lower is better)"
    header = ["share", "labels", *(f"{metric.words}, {words}{better}" for words in shown.values())]
    parts = [said(found)] if found["sentences"] else []
    parts.append(pages.table(header, rows))
    parts.append(
        f"Measured on {found['rows']} of the test; {100 * found['confidence']:g} % bootstrap "
        "intervals over its documents, which do not cover the choice of the rows nor the training. "
        "The rows of a share are among those of the next, each label in its share. With fewer "
        "labels there are more passes over them, at most ten times as many, so that steps fall "
        "less than labels, and rise where a share is less than a batch. The validation rows are "
        "not counted as labels: every point uses all of them, to choose weights and to stop, so "
        "that few labels look better than they would with few of both. The factor is of the "
        "labels at equal quality: its mean over the qualities that both curves reach, between "
        "points on a line over the logarithm of the labels."
    )
    return parts


def _shown(measured: Sequence[float], metric: Metric) -> str:
    value, low, high = measured
    return numbers.with_interval(value, low, high, metric.unit)


def figures(found: Mapping[str, Any]) -> dict[str, Figure]:
    """Both curves over the number of labels, on a logarithmic axis."""
    metric, points = Metric(**found["metric"]), found["points"]
    figure, axes = canvas(
        _title(found),
        f"{found['rows']} of the test; the bands are {100 * found['confidence']:g} % bootstrap "
        "intervals",
    )
    xs = [point["labels"] for point in points]
    for model, (words, color) in MODELS.items():
        if model not in points[0]:
            continue
        values, lows, highs = (
            [numbers.scaled(point[model][i], metric.unit) for point in points] for i in range(3)
        )
        axes.plot(xs, values, color=color, linewidth=2, marker="o", markersize=5)
        axes.fill_between(xs, lows, highs, color=color, alpha=0.15, linewidth=0)
        axes.annotate(
            words,
            (xs[-1], values[-1]),
            (8, 0),
            textcoords="offset points",
            color=color,
            fontsize=9,
            va="center",
        )
    axes.set_xscale("log")
    axes.set_xticks(xs)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="both", color="#e4e7eb", linewidth=0.8)
    axes.tick_params(axis="x", labelcolor=INK)
    axes.set_xlabel("labels, logarithmic", color=MUTED, fontsize=9)
    axes.set_ylabel(numbers.axis(metric.words, metric.unit), color=MUTED, fontsize=9)
    return {"learning-curve.png": figure}


def _title(found: Mapping[str, Any]) -> str:
    factor = found["factor"]
    if factor is None:
        metric, last = Metric(**found["metric"]), found["points"][-1]
        return f"With {last['labels']:,} labels: {numbers.plain(last[''][0], metric.unit)}"
    bound = "" if not factor["is_bound"] else "at least " if factor["value"] > 1 else "at most "
    is_shown = (factor["low"] or 0) > 1 or (factor["high"] or math.inf) < 1
    shown = "" if is_shown else ", could be chance"
    return f"Pre-training is worth {bound}{factor['value']:.2g} times the labels{shown}"
