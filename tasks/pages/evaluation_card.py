"""The page of an evaluation: the metrics, the gain of pre-training, the confusion matrix."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.data.tally import cell
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import (
    FROM_SCRATCH,
    MAJORITY,
    OVER_START,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    SIMPLE,
    START,
    MetricName,
)
from tasks.pages import numbers as pages
from tasks.pages.figures import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    Interval,
    Points,
    draw_confusion,
    draw_intervals,
    draw_reliability,
    draw_scatter,
    write_figure,
)
from tasks.pages.picture_sheets import SHEETS
from tasks.problems import Metric, described, every
from tasks.statistics import numbers
from tasks.statistics.verdict import (
    against_simple,
    against_start,
    beyond_majority,
    over_seeds,
)

SHOWN_BYTES = 20_000_000  # a larger table of predictions is in the store alone
SAMPLES = 8  # of what a model writes
PAIR = "pre-trained against from scratch"  # how each was tuned, an evaluation does not know
NOTABLE = 0.01  # difference between how sure a model is and how often it is right
SHARES = {
    "f1": "F1",
    "iou": "IoU",
    "mean_precision": "AP",
    "precision_50": "AP50",
}  # columns of a class's scores that have another name for people
MODELS = {
    "": ("pre-trained", BLUE),
    FROM_SCRATCH: ("from scratch", ORANGE),
    START: ("before", PURPLE),
    SIMPLE: ("simple model", GREEN),
    MAJORITY: ("majority", MUTED),
}


@dataclass(frozen=True)
class Found:
    """What stage `evaluation` left in its folder.

    Attributes:
        metrics: as `evaluate` returns them.
        facts: what was measured, in words: evaluation.json.
        report: precision, recall, F1 and support of each class; empty where there are none.
        names: the classes of the confusion matrix.
        confusion: how often each was predicted for each: shape (names, names), true first.
        worst: the rows with the largest errors, the worst first, as `Described`.
        points: truth and answer of each row, if they are numbers.
        reliability: how sure the answers are and how many are right, in bins, if they have
            probabilities: `Bin` of tasks/problems/calibration.py.
        samples: prompts with their targets and what the model wrote, where it writes texts.
    """

    metrics: dict[str, float]
    facts: dict[str, Any]
    report: pd.DataFrame
    names: list[str]
    confusion: NDArray[np.int64]
    worst: list[dict[str, Any]]
    points: Points
    reliability: list[dict[str, Any]]
    samples: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Found:
        """Read an evaluation's folder."""
        metrics, facts, classes, rows = (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("metrics", "evaluation", "classes", "rows")
        )
        return cls(
            metrics,
            facts,
            pd.DataFrame(classes["report"]),
            classes["names"],
            np.array(classes["confusion"]),
            rows["worst"],
            rows["points"],
            rows.get("reliability", []),
            samples_of(folder / "predictions.parquet") if writes(facts) else [],
        )

    @property
    def headline(self) -> Metric:
        """The headline metric."""
        return Metric(**self.facts["metrics"][self.facts["headline"]])

    def learnt(self, model: str = "") -> str:
        """What to say of a model that may have learnt nothing; empty where it has."""
        facts, sign = self.facts, self.headline.sign
        return beyond_majority(
            self.metrics, facts["headline"], facts["majority"], model=model, sign=sign
        )


def writes(facts: Mapping[str, Any]) -> bool:
    """Whether the rows of an evaluation are prompts, which a model answers with texts."""
    return str(facts["rows"]).endswith(" prompts")


def samples_of(predictions: Path) -> list[list[str]]:
    """Of each of some documents a prompt, its target, and what the model wrote."""
    table = pd.read_parquet(predictions, columns=["document", "prompt", "gold", "predicted"])
    rows = table.drop_duplicates("document").head(SAMPLES).to_dict("records")
    names = ("prompt", "gold")
    return [
        [*(cell(row[name]) for name in names), cell(row["predicted"]["text"]) or "–"]
        for row in rows
    ]


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
