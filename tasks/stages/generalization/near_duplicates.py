"""Stage `near-duplicates`: test rows that are mostly in a row that the model was fine-tuned on.

The splits have no row in common; rows that differ in a few words can stand in both. The result is
measured again without such test rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.contract import Monitor
from tasks.data.near_texts import NearTexts
from tasks.data.same_text import content
from tasks.data.shingles import shingles
from tasks.data.tables import read_table, write_json
from tasks.data.tally import cell
from tasks.problems import Problem, load, shape_of
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.headline import measure_headline, read_answers

WITHOUT = "without_near"
LEARNT = ("train", "validation")
SHOWN = 10


def find_near_duplicates(
    problem: str,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    *,
    data: Path,
    evaluation: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Find test rows that are mostly in a training or validation row; measure without them.

    Args:
        problem: what is predicted.
        bootstrap_samples: resamples of the test documents behind each interval.
        confidence: coverage of the intervals, such as 0.95.
        seed: seed of the resamples.
        data: folder with train.parquet, validation.parquet and test.parquet.
        evaluation: folder of the evaluation, with predictions.parquet.
        out: empty folder for near_duplicates.csv (the test row, the other one, its split, and which
            share of the test row is in it, the largest first) and finding.json.
        monitor: receives the progress.

    Returns:
        `near_duplicates`: how many test rows; and, if enough others are left, the headline metric
        without them, `without_near/METRIC`, with `/low` and `/high`.
    """
    kind, shape = load(problem), shape_of(problem)
    tested = [shape.passage(row) for row in read_table(data / "test.parquet")]
    near = NearTexts([shingles(content(text)) for text in tested])
    best: dict[int, tuple[float, str, str]] = {}
    for seen, (split, text) in enumerate(_learnt(data, shape.passage), start=1):
        for number, share in near.mostly_in(shingles(content(text))):
            best[number] = max(best.get(number, (0.0, "", "")), (share, split, text))
        monitor.progress(seen, 0, "rows")
    order = sorted(best, key=lambda number: (-best[number][0], number))
    table = pd.DataFrame(
        [[*best[number][:2], tested[number], best[number][2]] for number in order],
        columns=["share", "split", "test_row", "other_row"],
    )
    table.round({"share": 3}).to_csv(out / "near_duplicates.csv", index=False)
    metrics = {"near_duplicates": float(len(order))}
    rest = ~np.isin(np.arange(len(tested)), order)
    metrics |= measured_without(
        kind, evaluation, rest, Bootstrap(bootstrap_samples, confidence, seed)
    )
    facts = {
        "metric": asdict(kind.METRICS[kind.HEADLINE]),
        "headline": kind.HEADLINE,
        "confidence": confidence,
        "rows": f"{len(tested):,} {kind.ROWS}",
        "found": len(order),
        "metrics": metrics,
        "first": [
            [f"{row.share:.0%}", row.split, cell(str(row.test_row)), cell(str(row.other_row))]
            for row in table.head(SHOWN).itertuples()
        ],
        "sentences": [sentence(kind, len(order), len(tested), metrics)],
    }
    write_json(out / "finding.json", facts)
    return metrics


def _learnt(data: Path, passage: Any) -> Iterator[tuple[str, str]]:
    """The split and the text of each row that is not in the test."""
    for split in LEARNT:
        for row in read_table(data / f"{split}.parquet"):
            yield split, passage(row)


def measured_without(
    kind: Problem, evaluation: Path, rest: Any, bootstrap: Bootstrap
) -> dict[str, float]:
    """The headline metric without some rows, with its interval; nothing if too few are left."""
    kept = read_answers(evaluation)[rest]
    if kept["document"].nunique() < FEWEST_DOCUMENTS:
        return {}
    found = measure_headline(kind, kept, bootstrap)
    name = f"{WITHOUT}/{kind.HEADLINE}"
    low, high = bootstrap.interval(found.drawn)
    return {name: found.value, f"{name}/low": low, f"{name}/high": high}


def sentence(kind: Problem, found: int, rows: int, metrics: dict[str, float]) -> str:
    """How many test rows are nearly in the training, in words, and what the result is without."""
    if not found:
        return (
            f"no test row of {rows:,} has half of its text in a training or validation row (texts "
            "below about 56 bytes are too short to tell)"
        )
    said = (
        f"{found:,} of {rows:,} test rows have at least half of their text in a training or "
        "validation row"
    )
    name, metric = f"{WITHOUT}/{kind.HEADLINE}", kind.METRICS[kind.HEADLINE]
    if name not in metrics:
        return f"{said}: too few test documents are left without them to measure"
    without = numbers.with_interval(
        metrics[name], metrics[f"{name}/low"], metrics[f"{name}/high"], metric.unit
    )
    return f"{said}: without them, {metric.words} is {without}"
