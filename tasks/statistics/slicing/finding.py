"""What the slices of a test split show: the finding of stage `slices`, on text and on images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.problems import Problem
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.headline import labels_of
from tasks.statistics.slicing.meaning import have_meaning
from tasks.statistics.slicing.slices import (
    WORSE,
    Measured,
    fewest_samples,
    measure_slices,
    samples_of,
    slices_of,
)


def find_slices(
    kind: Problem,
    table: pd.DataFrame,
    values: Mapping[str, Sequence[Any]],
    *,
    confidence: float,
    seed: int,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Measure the headline metric on slices, and write finding.json: sentences, and all slices.

    Args:
        kind: the problem.
        table: the answers to the rows of the test split.
        values: what to slice by: by its name, the value of each row, in the same order.
        confidence: coverage of the intervals, and one minus the level of the tests.
        seed: seed of the resamples.
        out: folder for the finding.
        monitor: receives what is left out.

    Returns:
        The metrics.
    """
    slices, left_out = [], []
    for name, each in values.items():
        found, more = slices_of(name, each)
        slices += found
        left_out += [f"{more:,} values of {name} with the fewest rows"] if more else []
    names, metric = labels_of(kind, table), kind.METRICS[kind.HEADLINE]
    known = have_meaning(kind, table, names, slices)
    if not all(known):
        example = slices[known.index(False)]
        left_out.append(
            f"{known.count(False):,} in or beside which {metric.words} has no meaning, as all rows "
            f"have the same answer or none (such as {example.column} {example.value})"
        )
    slices = [each for each, counts in zip(slices, known, strict=True) if counts]
    samples = samples_of(len(slices), table["document"].nunique(), confidence)
    bootstrap = Bootstrap(samples, confidence, seed)
    measured = measure_slices(kind, table, names, slices, bootstrap)
    small = len(slices) - len(measured)
    left_out += [
        f"{small:,} with fewer than {FEWEST_DOCUMENTS} documents inside or outside"
    ] * bool(small)
    too_many = samples < fewest_samples(len(measured), confidence)
    if too_many:
        monitor.warn(
            f"{len(measured):,} slices are too many for {samples:,} resamples: none can be shown "
            "to be worse after the correction for their number; slice by fewer columns"
        )
    if left_out:
        monitor.warn(f"slices that are not looked at: {'; '.join(left_out)}")
    facts = {
        "metric": asdict(metric),
        "rows": f"{len(table):,} {kind.ROWS}",
        "columns": list(values),
        "confidence": confidence,
        "left_out": left_out,
        "too_many": too_many,
        "slices": [asdict(each) for each in measured],
        "sentences": sentences(kind, measured),
    }
    write_json(out / "finding.json", facts)
    return metrics_of(kind, measured)


def metrics_of(kind: Problem, measured: Sequence[Measured]) -> dict[str, float]:
    """The slices as metrics; a name has only signs that MLflow accepts, and a number if taken."""
    found = {
        "slices/measured": float(len(measured)),
        "slices/worse": float(sum(each.verdict == WORSE for each in measured)),
    }
    for each in measured:
        plain = re.sub(r"[^\w. -]", "_", f"{each.column} {each.name}")[:80]
        same = [plain, *(f"{plain} ({number})" for number in range(2, len(measured) + 1))]
        free = next(each for each in same if f"slices/{each}/{kind.HEADLINE}" not in found)
        name = f"slices/{free}/{kind.HEADLINE}"
        found |= {name: each.value, f"{name}/low": each.low, f"{name}/high": each.high}
    return found


def sentences(kind: Problem, measured: Sequence[Measured]) -> list[str]:
    """What the slices show, in words: which are worse, or that none is shown to be."""
    worse = [each for each in measured if each.verdict == WORSE]
    unit = kind.METRICS[kind.HEADLINE].unit
    if not measured:
        return ["no slice of the test is large enough to be looked at"]
    corrected = f"of {len(measured)} slices, corrected for their number (Holm)"
    if not worse:
        return [f"no slice is shown to be worse than the other rows, {corrected}"]
    named = [
        f"{each.column} {each.name} ({numbers.plain(each.value, unit)}, "
        f"{numbers.gain(each.difference, unit)} against the other rows)"
        for each in worse[:3]
    ]
    more = f" and {len(worse) - 3} more" if len(worse) > 3 else ""
    return [f"shown to be worse: {'; '.join(named)}{more}, {corrected}"]
