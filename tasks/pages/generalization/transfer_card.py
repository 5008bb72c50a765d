"""The page of further test sets: how much of a result is left there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import MetricName
from tasks.pages import numbers as pages
from tasks.pages.figures import BLUE, INK, MUTED, ORANGE, Interval, draw_intervals
from tasks.pages.generalization.writing import read, said, write_card
from tasks.problems import Metric
from tasks.statistics import numbers

TITLE = "Further test sets"
FIGURES = {"transfer.png": "the result on each test set"}
_COLORS = {"worse": ORANGE, "better": BLUE}


def show(artifact: Path, out: Path) -> None:
    """Write card.md and transfer.png.

    Args:
        artifact: folder of stage `transfer`.
        out: empty folder.
    """
    found = read(artifact)
    write_card(TITLE, blocks(found), figures(found), out)


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, the table of all test sets, and what was known of their rows."""
    metric, headline = Metric(**found["metric"]), found["headline"]
    heading = numbers.in_words(metric.unit, "drop")
    with_gain = any("gain" in each["metrics"] for each in found["further"])
    rows = [
        [
            "main",
            "",
            pages.result(found["main"], MetricName(headline), metric.unit),
            "–",
            *([pages.gain(found["main"], metric.unit)] if with_gain else []),
            "",
            "",
        ]
    ]
    rows += [
        [
            each["name"],
            f"{each['test']['rows']:,}",
            pages.result(each["metrics"], MetricName(headline), metric.unit),
            pages.gain(each["metrics"], metric.unit, "drop"),
            *([pages.gain(each["metrics"], metric.unit)] if with_gain else []),
            "–" if each["p"] is None else f"{each['p']:.3f}",
            each["verdict"],
        ]
        for each in found["further"]
    ]
    better = "" if metric.sign > 0 else " (lower is better)"
    header = ["test set", "rows", f"{metric.words}{better}", heading]
    header += [numbers.in_words(metric.unit, "gain of pre-training")] if with_gain else []
    parts = [said(found), pages.table([*header, "p", "verdict"], rows)]
    parts.append(
        f"In brackets: {100 * found['confidence']:g} % bootstrap intervals; the test sets are "
        "resampled apart, as their rows are not the same. A drop is positive where the model is "
        "worse than on the main test set. The intervals are of each test set alone; p is of its "
        "drop, corrected for the number of test sets (Holm), and the verdict is by it."
    )
    lines = []
    for each in found["further"]:
        test = each["test"]
        known = (
            f"{test['left_out']:,} rows are left out, since their text is in the training or "
            f"validation split, {test['left_out_by_document']:,} since their document is"
        )
        leakage = each.get("leakage")
        leaked = f" {escaped(leakage['sentence'])}" if leakage else ""
        lines.append(f"- **{escaped(each['name'])}**: {known}.{leaked}")
    return [*parts, "\n".join(lines)]


def figures(found: Mapping[str, Any]) -> dict[str, Figure]:
    """The headline metric on each test set, with its interval."""
    metric, headline = Metric(**found["metric"]), found["headline"]
    rows = [_line("main", found["main"], headline, metric, INK)]
    rows += [
        _line(each["name"], each["metrics"], headline, metric, _COLORS.get(each["verdict"], MUTED))
        for each in found["further"]
    ]
    worse = sum(each["verdict"] == "worse" for each in found["further"])
    drawn = draw_intervals(
        f"Shown to be worse on {worse} of {len(found['further'])} further test sets",
        f"the same fine-tuned model; {100 * found['confidence']:g} % bootstrap intervals over "
        "documents; orange is worse than on the main test set",
        rows,
        x=numbers.axis(metric.words, metric.unit),
    )
    return {"transfer.png": drawn}


def _line(
    name: str, metrics: Mapping[str, float], headline: str, metric: Metric, color: str
) -> Interval:
    value, low, high = (
        numbers.scaled(metrics[each], metric.unit)
        for each in (headline, f"{headline}/low", f"{headline}/high")
    )
    text = pages.result(metrics, MetricName(headline), metric.unit)
    return Interval(name[:40], value, low, high, text, color)
