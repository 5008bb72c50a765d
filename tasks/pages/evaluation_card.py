"""The page of an evaluation: the metrics, the gain of pre-training, the confusion matrix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.machinery.naming.metric_name import FROM_SCRATCH, MAJORITY, MetricName
from tasks.pages import numbers as pages
from tasks.pages.figures import (
    BLUE,
    MUTED,
    ORANGE,
    Interval,
    draw_confusion,
    draw_intervals,
    write_figure,
)
from tasks.statistics.verdict import beyond_majority

SHOWN_BYTES = 20_000_000  # a larger table of predictions is in the store alone
MODELS = {
    "": ("pre-trained", BLUE),
    FROM_SCRATCH: ("from scratch", ORANGE),
    MAJORITY: ("majority", MUTED),
}


@dataclass(frozen=True)
class Found:
    """What stage `evaluation` left in its folder.

    Attributes:
        metrics: as `evaluate` returns them.
        facts: what was measured, in words: evaluation.json.
        report: precision, recall, F1 and support of each class.
        names: the classes of the confusion matrix.
        confusion: how often each was predicted for each: shape (names, names), true first.
    """

    metrics: dict[str, float]
    facts: dict[str, Any]
    report: pd.DataFrame
    names: list[str]
    confusion: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path) -> Found:
        """Read an evaluation's folder."""
        metrics, facts, classes = (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("metrics", "evaluation", "classes")
        )
        report = pd.DataFrame(classes["report"])
        return cls(metrics, facts, report, classes["names"], np.array(classes["confusion"]))


def show(artifact: Path, out: Path) -> None:
    """Write card.md, confusion.png and gain.png, and a copy of the predictions beside them.

    Args:
        artifact: folder of stage `evaluation`.
        out: empty folder.
    """
    found = Found.read(artifact)
    for name, figure in figures_of(found).items():
        write_figure(figure, out / name)
    text = card(found.metrics, found.report, found.facts)
    (out / "card.md").write_text(text, encoding="utf-8")
    predictions = artifact / "predictions.parquet"
    if predictions.stat().st_size <= SHOWN_BYTES:
        shutil.copyfile(predictions, out / predictions.name)


def figures_of(found: Found) -> dict[str, Figure]:
    """The figures of an evaluation by their names."""
    return {
        "gain.png": gain_figure(found.metrics, found.facts),
        "confusion.png": confusion_figure(found.names, found.confusion, found.facts),
    }


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


def gain_figure(metrics: Mapping[str, float], facts: Mapping[str, Any]) -> Figure:
    """The headline metric of each model with its interval."""
    headline, title = facts["headline"], facts["metrics"][facts["headline"]]["words"]
    rows = [
        Interval(
            words,
            100 * metrics[str(name)],
            100 * metrics.get(name.low, metrics[str(name)]),
            100 * metrics.get(name.high, metrics[str(name)]),
            pages.percent(metrics, str(name)),
            color,
        )
        for model, (words, color) in MODELS.items()
        if str(name := MetricName(headline, model)) in metrics
    ]
    how = f"{facts['rows']} of the test; {100 * facts['confidence']:g} % bootstrap intervals"
    said = f"{title[:1].upper()}{title[1:]} is {metrics[headline]:.1%} on the test"
    if "gain" in metrics:
        said = pages.judge(metrics, title, facts["confidence"]).partition(";")[0]
        how += f"; paired difference {pages.points(metrics)} points"
    return draw_intervals(said, how, rows, x=f"{title}, %")


def card(metrics: Mapping[str, float], report: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """The page of one evaluation: metrics with intervals, a sentence on the gain, the classes."""
    headline, sure = facts["headline"], f"{100 * facts['confidence']:g} %"
    shown = {
        model: words
        for model, (words, _) in MODELS.items()
        if str(MetricName(headline, model)) in metrics
    }
    rows = [
        [
            metric["words"],
            *(percent_or_dash(metrics, str(MetricName(name, model))) for model in shown),
        ]
        for name, metric in facts["metrics"].items()
    ]
    parts = [
        f"# Evaluation: {facts['problem']}",
        f"{facts['rows']} of {metrics['test_documents']:,.0f} documents in the test split.",
        pages.table(["metric", *shown.values()], rows),
    ]
    if "gain" in metrics:
        parts.append(
            f"**{pages.judge(metrics, facts['metrics'][headline]['words'], facts['confidence'])}**"
        )
    learnt = beyond_majority(metrics, headline, facts["majority"])
    if learnt:
        parts.append(f"**The pre-trained model is {learnt}.**")
    if MetricName(headline, FROM_SCRATCH).low in metrics:
        learnt = beyond_majority(metrics, headline, facts["majority"], model=FROM_SCRATCH)
        parts += [f"**The model from scratch is {learnt}.**"] if learnt else []
    parts += [
        "## By class",
        class_table(report),
        f"In brackets: {sure} bootstrap intervals over the documents of the test split, paired for "
        "the gain. They do not cover the variation between training seeds. *majority* always "
        "predicts the most frequent label of the training split.",
    ]
    return "\n\n".join(parts) + "\n"


def percent_or_dash(metrics: Mapping[str, float], name: str) -> str:
    """A share with its interval, or a dash if it was not measured."""
    return pages.percent(metrics, name) if name in metrics else "–"


def class_table(report: pd.DataFrame) -> str:
    """The classes, the most frequent first."""
    ordered = report.sort_values("support", ascending=False, kind="stable")
    rows = [
        [str(name), *(f"{100 * share:.1f} %" for share in shares), f"{support:,}"]
        for name, *shares, support in ordered.itertuples(index=False)
    ]
    return pages.table(["class", "precision", "recall", "F1", "in the test"], rows)
