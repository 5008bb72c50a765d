"""The figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.machinery.naming.metric_name import FROM_SCRATCH, MAJORITY, SIMPLE, START, MetricName
from tasks.pages import numbers as pages
from tasks.pages.evaluation.found import Found
from tasks.pages.figures import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    Interval,
    Points,
    draw_areas,
    draw_confusion,
    draw_intervals,
    draw_reliability,
    draw_scatter,
)
from tasks.pages.picture_sheets import SHEETS
from tasks.statistics import numbers

PAIR = "pre-trained against from scratch"  # how each was tuned, an evaluation does not know
SHOWN = 8  # classes in a figure of curves
NOTABLE = 0.01  # difference between how sure a model is and how often it is right
MODELS = {
    "": ("pre-trained", BLUE),
    FROM_SCRATCH: ("from scratch", ORANGE),
    START: ("before", PURPLE),
    SIMPLE: ("simple model", GREEN),
    MAJORITY: ("majority", MUTED),
}


def sheets_of(artifact: Path) -> dict[str, Figure]:
    """The sheet of pictures with answers, if stage `evaluation` kept some."""
    drawn = [draw(artifact) for kept, draw in SHEETS.items() if (artifact / kept).is_file()]
    return {"pictures.png": drawn[0]} if drawn else {}


def figures_of(found: Found) -> dict[str, Figure]:
    """The figures of an evaluation by their names."""
    figures = {"gain.png": gain_figure(found)}
    if found.names:
        figures["confusion.png"] = confusion_figure(found.names, found.confusion, found.facts)
    if found.points:
        figures["scatter.png"] = scatter_figure(found.points, found.facts)
    if found.reliability:
        figures["reliability.png"] = reliability_figure(found)
    if found.curves:
        figures["precision.png"] = precision_figure(found)
    return figures


def confusion_figure(
    names: Sequence[str], counts: NDArray[np.int64], facts: Mapping[str, Any]
) -> Figure:
    """The confusion matrix, named after the most frequent error."""
    errors = counts - np.diag(np.diag(counts))
    true, answer = divmod(int(errors.argmax()), len(names))
    title = "No errors"
    if errors[true, answer]:
        title = (
            f"Most frequent error: “{names[true]}” predicted as “{names[answer]}”, "
            f"{errors[true, answer]:,} of {counts[true].sum():,}"
        )
    subtitle = f"{facts['rows']} of the test; numbers count, colour is the share of the row"
    return draw_confusion(title, subtitle, counts, names)


def scatter_figure(points: Points, facts: Mapping[str, Any]) -> Figure:
    """Truth and answer of each row, named after the error of half of them."""
    apart = float(np.median([abs(truth - answer) for truth, answer in points]))
    shown = f"{len(points):,} of {facts['rows']} of the test"
    return draw_scatter(
        f"Half of the answers are within {apart:.3g} of the truth",
        f"{shown}; on the line, both are equal",
        points,
        x="truth",
        y="answer",
    )


def precision_figure(found: Found) -> Figure:
    """Precision over recall of each class, named after the class that is found best."""
    areas = {name: float(np.mean([y for _, y in points])) for name, points in found.curves.items()}
    best = sorted(areas, key=lambda name: -areas[name])
    shown = best if len(best) <= SHOWN else [*best[: SHOWN // 2], *best[-SHOWN // 2 :]]
    left = len(best) - len(shown)
    subtitle = "precision over recall at an IoU of 0.5, of the surest answers first"
    if left:
        subtitle += f"; {left} classes between are left out"
    series = {name: [(100 * x, 100 * y) for x, y in found.curves[name]] for name in shown}
    title = f"Found best: “{best[0]}”; worst: “{best[-1]}”" if len(best) > 1 else best[0]
    return draw_areas(
        title, subtitle, series, values=areas, x="objects that are found, %", y="right answers, %"
    )


def reliability_figure(found: Found) -> Figure:
    """How sure the answers are and how many are right, named after both in all rows."""
    bins = found.reliability
    rows = sum(each["rows"] for each in bins)
    sure, right = (
        sum(each["rows"] * each[name] for each in bins) / rows for name in ("sure", "right")
    )
    said = "As sure as it is right"
    if abs(sure - right) >= NOTABLE:
        said = "Too sure" if sure > right else "Not sure enough"
    error = pages.result(found.metrics, MetricName("calibration_error"), "share")
    return draw_reliability(
        f"{said}: {sure:.1%} sure on average, {right:.1%} right",
        f"{found.facts['rows']} of the test in bins of equal width, the area of a dot is their "
        f"number; on the line, answers are as sure as they are right; expected error {error}",
        [(100 * each["sure"], 100 * each["right"], each["rows"] / rows) for each in bins],
        x="probability of the answer, %",
        y="right answers, %",
    )


def gain_figure(found: Found) -> Figure:
    """The headline metric of each model with its interval."""
    metrics, facts, metric = found.metrics, found.facts, found.headline
    rows = [
        Interval(
            words,
            numbers.scaled(metrics[str(name)], metric.unit),
            numbers.scaled(metrics.get(name.low, metrics[str(name)]), metric.unit),
            numbers.scaled(metrics.get(name.high, metrics[str(name)]), metric.unit),
            pages.result(metrics, name, metric.unit),
            color,
        )
        for model, (words, color) in MODELS.items()
        if str(name := MetricName(facts["headline"], model)) in metrics
    ]
    how = f"{facts['rows']} of the test; {100 * facts['confidence']:g} % bootstrap intervals"
    value = numbers.plain(metrics[facts["headline"]], metric.unit)
    said = f"{metric.words[:1].upper()}{metric.words[1:]} is {value} on the test"
    if "gain" in metrics:
        said = pages.judge(metrics, metric, facts["confidence"], PAIR).partition(";")[0]
        how += f"; paired {numbers.in_words(metric.unit, 'gain')}: "
        how += pages.gain(metrics, metric.unit)
    return draw_intervals(said, how, rows, x=numbers.axis(metric.words, metric.unit))
