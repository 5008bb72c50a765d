"""The page of an evaluation: the metrics, the gain of pre-training, the worst rows."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.data.tally import cell
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import (
    FROM_SCRATCH,
    OVER_START,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    START,
    MetricName,
)
from tasks.pages import numbers as pages
from tasks.pages.evaluation.drawings import MODELS, PAIR, figures_of, sheets_of
from tasks.pages.evaluation.found import Found
from tasks.pages.figures import write_figure
from tasks.problems import Metric, described, every
from tasks.statistics import numbers
from tasks.statistics.verdict import against_simple, against_start, over_seeds

SHOWN_BYTES = 20_000_000  # a larger table of predictions is in the store alone
SHARES = {
    "f1": "F1",
    "iou": "IoU",
    "mean_precision": "AP",
    "precision_50": "AP50",
}  # columns of a class's scores that have another name for people


def show(artifact: Path, out: Path) -> None:
    """Write card.md, gain.png and the figures that the problem has; copy the predictions.

    Of pictures, pictures.png has wrong and right answers.

    Args:
        artifact: folder of stage `evaluation`.
        out: empty folder.
    """
    found = Found.read(artifact)
    for name, figure in figures_of(found).items():
        write_figure(figure, out / name)
    text = card(found)
    (out / "card.md").write_text(text, encoding="utf-8")
    for name, figure in sheets_of(artifact).items():
        write_figure(figure, out / name)
    predictions = artifact / "predictions.parquet"
    if predictions.stat().st_size <= SHOWN_BYTES:
        shutil.copyfile(predictions, out / predictions.name)


def card(found: Found) -> str:
    """The page of one evaluation: metrics with intervals, a sentence on the gain, the classes."""
    metrics, facts, sure = found.metrics, found.facts, f"{100 * found.facts['confidence']:g} %"
    parts = [
        f"# Evaluation: {escaped(facts['problem'])}",
        f"{facts['rows']} of {metrics['test_documents']:,.0f} documents in the test split.",
        metric_table(found),
    ]
    if "gain" in metrics:
        said = pages.judge(metrics, found.headline, facts["confidence"], PAIR)
        parts.append(f"**{said}**")
    if said := against_start(metrics, found.headline):
        parts.append(f"**{escaped(said[0].upper() + said[1:])}.**")
    if said := against_simple(metrics, found.headline, facts.get("simple", "")):
        parts.append(f"**{escaped(said[0].upper() + said[1:])}.**")
    if said := over_seeds(metrics, facts["headline"], found.headline):
        parts.append(f"**{escaped(said[0].upper() + said[1:])}.**")
    named = {"": "pre-trained model", FROM_SCRATCH: "model from scratch", START: "model before"}
    for model, words in named.items():
        if MetricName(facts["headline"], model).low in metrics and (said := found.learnt(model)):
            parts.append(f"**The {words} is {escaped(said)}.**")
    if len(found.report):
        parts += [f"## By {part_of(facts['problem'])}", class_table(found.report)]
    if found.samples:
        header = ("prompt", "target", "the model writes")
        parts += ["## Samples", pages.table(header, found.samples, words=len(header))]
    if found.worst:
        parts += ["## Largest errors", worst_table(found.worst)]
    parts.append(
        f"In brackets: {sure} bootstrap intervals over the documents of the test split, paired for "
        "differences. They do not cover the variation between training seeds. *majority* always "
        f"answers {escaped(facts['majority'])}, which it knows from the training split."
        + (" *before*: fine-tuned without pre-training here." if OVER_START in metrics else "")
        + (f" *simple model*: {escaped(facts['simple'])}." if facts.get("simple") else "")
    )
    return "\n\n".join(parts) + "\n"


def part_of(problem: str) -> str:
    """What the results of a problem are broken down by: `class`."""
    parts = described(problem).PARTS if problem in every() else None  # it may be removed since
    return parts.name if parts else "class"


def metric_table(found: Found) -> str:
    """Each metric of each model, with its interval."""
    facts = found.facts
    shown = [
        model for model in MODELS if str(MetricName(facts["headline"], model)) in found.metrics
    ]
    rows = [
        [
            f"{metric.words}{'' if metric.sign > 0 else ' (lower is better)'}",
            *(pages.result(found.metrics, MetricName(name, model), metric.unit) for model in shown),
        ]
        for name, values in facts["metrics"].items()
        if (metric := Metric(**values))
    ]
    header = ["metric", *(MODELS[model][0] for model in shown)]
    if SEEDS in found.metrics:
        header.insert(2, f"mean of {found.metrics[SEEDS]:.0f} seeds")
        for row, (name, values) in zip(rows, facts["metrics"].items(), strict=True):
            row.insert(2, of_seeds(found.metrics, name, Metric(**values)))
    return pages.table(header, rows)


def of_seeds(metrics: Mapping[str, float], name: str, metric: Metric) -> str:
    """The mean of a metric and its standard deviation over the seeds."""
    mean, spread = (metrics[str(MetricName(name, model))] for model in (SEEDS_MEAN, SEEDS_SPREAD))
    return numbers.with_deviation(mean, spread, metric.unit)


def worst_table(worst: Sequence[Mapping[str, Any]]) -> str:
    """The rows with the largest errors, the worst first."""
    columns = ("truth", "answer", "score", "text")
    rows = [[cell(row[column]) for column in columns] for row in worst]
    return pages.table(columns, rows, words=len(columns))


def class_table(report: pd.DataFrame) -> str:
    """The classes, the most frequent first: their name, shares of the test, and their support.

    A dash where the test does not have a class, so that nothing is known of it.
    """
    ordered = report.sort_values("support", ascending=False, kind="stable")
    rows = [
        [
            str(name),
            *("–" if math.isnan(share) else numbers.plain(share, "share") for share in shares),
            f"{support:,}",
        ]
        for name, *shares, support in ordered.itertuples(index=False)
    ]
    shares = [SHARES.get(column, column) for column in ordered.columns[1:-1]]
    return pages.table(["class", *shares, "in the test"], rows)
