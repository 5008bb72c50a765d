"""Stage `learning-curve`: the result over the number of labels, pre-trained and from scratch.

All points are measured on the same test rows and on the same resamples of them, so that the factor
in labels (`statistics/labels_worth.py`) has an interval. It does not cover the chance in the choice
of the rows and in the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.machinery.naming.metric_name import FROM_SCRATCH
from tasks.problems import load
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.headline import Headline, measure_headline, read_answers
from tasks.statistics.labels_worth import factor, is_bound, open_interval

FACTOR = "labels_factor"
COLUMNS = {"": "predicted", FROM_SCRATCH: f"{FROM_SCRATCH}_predicted"}


def draw_curve(
    problem: str,
    shares: list[float],
    *,
    train_examples: int,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    points: list[Path],
    evaluations: list[Path],
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Measure both learning curves and the factor between them.

    Args:
        problem: what is predicted.
        shares: of the labels at each point, ascending; the last is 1.
        train_examples: how many labels all are; 0 for those of the last table.
        bootstrap_samples: resamples of the test documents behind each interval.
        confidence: coverage of the intervals, such as 0.95.
        seed: seed of the resamples.
        points: the table of training rows at each point: train.parquet.
        evaluations: folders of the evaluations at each point, on the same test rows.
        out: empty folder for finding.json: sentences, the points and the factor.
        monitor: receives the progress.

    Returns:
        For each point `at_X_percent/METRIC` and `at_X_percent/from_scratch_METRIC`; and
        `labels_factor`: how many times as many labels the model from scratch needs for qualities
        that both reach. All with `/low` and `/high`, but for an end of the factor that lies beyond
        the measured range.
    """
    kind, bootstrap = load(problem), Bootstrap(bootstrap_samples, confidence, seed)
    metric = kind.METRICS[kind.HEADLINE]
    counts = [len(pd.read_parquet(table, columns=["document"])) for table in points]
    counts = [min(train_examples, count) if train_examples else count for count in counts]
    curves: dict[str, list[Headline]] = {model: [] for model in COLUMNS}
    for number, folder in enumerate(evaluations):
        monitor.progress(number, len(evaluations), "points")
        table = read_answers(folder)
        for model, column in COLUMNS.items():
            if column in table:
                curves[model].append(measure_headline(kind, table, bootstrap, column))
    rows, metrics = [], dict[str, float]()
    for number, share in enumerate(shares):
        row: dict[str, Any] = {"share": share, "labels": counts[number]}
        for model, known in curves.items():
            if known:
                point = known[number]
                low, high = bootstrap.interval(point.drawn)
                row[model] = [point.value, low, high]
                prefix = f"{model}_" if model else ""
                name = f"at_{100 * share:g}_percent/{prefix}{kind.HEADLINE}"
                metrics |= {name: point.value, f"{name}/low": low, f"{name}/high": high}
        rows.append(row)
    found = None
    if curves[FROM_SCRATCH]:
        order = np.array(counts, dtype=np.float64)
        ours, other = (
            metric.sign * np.array([point.value for point in curves[model]]) for model in COLUMNS
        )
        drawn = [
            metric.sign * np.stack([point.drawn for point in curves[model]], axis=1)
            for model in COLUMNS
        ]
        value = factor(order, ours, other)
        least, most = open_interval(order, drawn[0], drawn[1], confidence)
        ends = {f"{FACTOR}/low": least, f"{FACTOR}/high": most}
        metrics |= {FACTOR: value, **{name: end for name, end in ends.items() if end is not None}}
        found = {"value": value, "low": least, "high": most, "is_bound": is_bound(ours, other)}
    facts = {
        "metric": asdict(metric),
        "confidence": confidence,
        "rows": f"{len(table):,} {kind.ROWS}",
        "points": rows,
        "factor": found,
        "sentences": [sentence(found, confidence, curves[""][-1].documents)] if found else [],
    }
    write_json(out / "finding.json", facts)
    monitor.progress(len(evaluations), len(evaluations), "points")
    return metrics


def sentence(found: Mapping[str, Any], confidence: float, documents: int) -> str:
    """How many labels pre-training is worth, in words."""
    value, low, high = (found[name] for name in ("value", "low", "high"))
    word = "" if not found["is_bound"] else "at least " if value > 1 else "at most "
    times = (
        f"{word}{value:.2g} times as much with pre-training "
        f"({100 * confidence:g} % interval {ends_in_words(low, high)})"
    )
    if (low is None or low <= 1) and (high is None or high >= 1):
        few = f": too few test documents ({documents})" * (documents < FEWEST_DOCUMENTS)
        return f"it is not shown that labels are worth more or less with pre-training{few}: {times}"
    said = f"labels are worth {times}"
    if found["is_bound"]:
        said += (
            ", beyond the measured range: with the fewest labels, one model is better already than "
            "the other one with any number of them"
        )
    if documents < FEWEST_DOCUMENTS:
        return f"{said}: too few test documents ({documents}) to tell"
    cost = high is not None and high < 1
    return f"{said}: shown to {'cost' if cost else 'be worth'} labels"


def ends_in_words(low: float | None, high: float | None) -> str:
    """An interval, also one that is open at an end: `3.1 to 5.2`, `from 3.1 on`."""
    if high is None:
        return "without ends" if low is None else f"from {low:.2g} on"
    return f"up to {high:.2g}" if low is None else f"{low:.2g} to {high:.2g}"
