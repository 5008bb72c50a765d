"""The page of a calibration: before and after, and what a threshold on the probability gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.metric_name import MetricName
from tasks.pages import numbers as pages
from tasks.pages.figures import BLUE, GREEN, INK, MUTED, ORANGE, canvas, literal
from tasks.pages.generalization.writing import read, said, write_card
from tasks.problems import Unit
from tasks.problems.calibration import BINS
from tasks.statistics import numbers

TITLE = "Calibration"
FIGURES = {
    "calibration.png": "how sure the answers are and how many are right, before and after",
    "coverage.png": "accuracy of the surest answers, over their share",
}
_COLORS = {"before": ORANGE, "after": BLUE}


def show(artifact: Path, out: Path) -> None:
    """Write card.md, calibration.png and coverage.png.

    Args:
        artifact: folder of stage `calibration`.
        out: empty folder.
    """
    found = read(artifact)
    write_card(TITLE, blocks(found), figures(found), out)


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, the table of both, and how to use them."""
    metrics = found["metrics"]
    rows = [
        _row("expected calibration error", "share", metrics, "raw", "calibrated/calibration_error"),
        _row("cross-entropy, nats", "number", metrics, "raw_loss", "calibrated/log_loss"),
    ]
    parts = [
        said(found),
        pages.table(["on the test", "before", "after"], rows),
    ]
    area = pages.result(metrics, MetricName("risk_coverage_area"), "share")
    parts.append(
        f"Chosen on {found['validation_rows']:,} rows of the validation split, measured on "
        f"{found['rows']} of the test; {100 * found['confidence']:g} % bootstrap intervals. Divide "
        f"logits by {metrics['temperature']:.3f} to use it; no answer changes. Mean share of wrong "
        f"answers over all thresholds: {area} (0 is best). Calibration errors are of bins of equal "
        f"width: the answers are in {len(found['before'])} of {BINS} before, and in "
        f"{len(found['after'])} after. What differs within a bin does not count: if few bins are "
        "filled, see the coverage."
    )
    if "answered/accuracy" in metrics:
        parts.append(
            "The interval of the accuracy above the threshold is of the resamples that have such "
            "an answer."
        )
    if found["is_bound"]:
        parts.append(f"**{_bound(found)}**")
    return parts


def _bound(found: Mapping[str, Any]) -> str:
    """Why the temperature is a bound: by which one it is, and how many answers are right."""
    right = found["validation_accuracy"]
    said = (
        f"The temperature is a bound, as the validation rows determine none; {right:.1%} of their "
        "answers are right"
    )
    if found["temperature"] > 1:
        return (
            f"{said}: the probabilities are far too sure, or the answers are no better than "
            "chance, so that a higher temperature might fit better still."
        )
    if right == 1:
        return f"{said}: the surer, the better. More validation rows are needed."
    return (
        f"{said}: the probabilities are far too unsure, so that a lower temperature might fit "
        "better still."
    )


def _row(
    words: str, unit: Unit, metrics: Mapping[str, float], before: str, after: str
) -> list[str]:
    return [words, *(pages.result(metrics, MetricName(name), unit) for name in (before, after))]


def figures(found: Mapping[str, Any]) -> dict[str, Figure]:
    """Both reliability curves in one figure, and accuracy over coverage."""
    return {"calibration.png": reliability_figure(found), "coverage.png": coverage_figure(found)}


def reliability_figure(found: Mapping[str, Any]) -> Figure:
    """How sure the answers are and how many are right, before and after."""
    metrics = found["metrics"]
    before, after = (
        numbers.plain(metrics[name], "share") for name in ("raw", "calibrated/calibration_error")
    )
    figure, axes = canvas(
        f"A temperature of {metrics['temperature']:.2f}: calibration error {before}, then {after}",
        f"{found['rows']} of the test in bins of equal width, the area of a dot is their number; "
        "on the grey line, answers are as sure as they are right",
        width=5.6,
        height=5.0,
    )
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1)
    for name, color in _COLORS.items():
        bins = found[name]
        rows = sum(each["rows"] for each in bins)
        xs, ys = ([100 * each[part] for each in bins] for part in ("sure", "right"))
        sizes = [max(1200 * each["rows"] / rows, 12) for each in bins]
        axes.plot(xs, ys, color=color, linewidth=1, alpha=0.5)
        axes.scatter(xs, ys, s=sizes, color=color, alpha=0.7, linewidth=0, label=name)
    legend = axes.legend(frameon=False, fontsize=9, loc="upper left")
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_sizes([40])  # type: ignore[attr-defined]
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.grid(axis="both", color="#e4e7eb", linewidth=0.8)
    _name(axes, "probability of the answer, %", "right answers, %")
    return figure


def coverage_figure(found: Mapping[str, Any]) -> Figure:
    """Accuracy over coverage, with the threshold."""
    metrics, points = found["metrics"], found["curve"]
    every = points[-1][1]
    title = f"All answers: {every:.1%} right"
    marked: Sequence[tuple[float, float]] = ()
    if "answered/accuracy" in metrics:
        share, right = metrics["answered/coverage"], metrics["answered/accuracy"]
        title += f"; the surest {share:.1%}: {right:.1%}"
        marked = [(100 * share, 100 * right)]
    figure, axes = canvas(
        title,
        f"{found['rows']} of the test, the surest first; the dashed line is the wanted accuracy",
    )
    axes.plot([100 * x for x, _ in points], [100 * y for _, y in points], color=BLUE, linewidth=2)
    axes.axhline(100 * found["wanted_accuracy"], color=MUTED, linewidth=1, linestyle="--")
    for x, y in marked:
        axes.plot([x], [y], "o", color=GREEN, markersize=8)
        axes.annotate(
            literal(f"answers of at least {found['threshold']:.1%}"),
            (x, y),
            (0, 9),
            textcoords="offset points",
            ha="center",
            color=INK,
            fontsize=9,
        )
    axes.set_xlim(0, 101)
    _name(axes, "answers that are given, %", "right among them, %")
    return figure


def _name(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, color=MUTED, fontsize=9)
    axes.set_ylabel(y, color=MUTED, fontsize=9)
