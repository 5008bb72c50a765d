"""Stage `slices`: on which parts of the test split a fine-tuned model is worse.

`length` is the length of the input in characters, by quarters; `label` the true label. Any other
name is a column of the source, which is read again: a test row has the values of the row of the
source with its text and its document.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor
from tasks.data.notices import Notices
from tasks.data.rows import Shape
from tasks.data.same_text import digest
from tasks.data.sliced_columns import COMPUTED, LENGTH, columns_read, require_column
from tasks.data.tables import write_json
from tasks.experiment.problem import LabelledData
from tasks.problems import Problem, load, shape_of
from tasks.sources import Source
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.headline import labels_of, read_answers
from tasks.statistics.meaning import have_meaning
from tasks.statistics.paired_measures import lengths
from tasks.statistics.slices import (
    WORSE,
    Measured,
    fewest_samples,
    measure_slices,
    samples_of,
    slices_of,
)

Row = dict[str, Any]


def measure(
    problem: str,
    columns: list[str],
    labelled: LabelledData,
    confidence: float,
    seed: int,
    *,
    source: Source | None,
    data: Path,
    evaluation: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Measure the headline metric on the slices of the test split.

    Args:
        problem: what is predicted.
        columns: what to slice by: `length`, `label`, or columns of the source.
        labelled: the part of the experiment that the rows were read by.
        confidence: coverage of the intervals, and one minus the level of the tests.
        seed: seed of the resamples.
        source: where the rows come from; None if no column of it is needed.
        data: folder with test.parquet.
        evaluation: folder of the evaluation, with predictions.parquet.
        out: empty folder for finding.json: sentences, and all slices, the worst first.
        monitor: receives the progress.

    Returns:
        `slices/measured` and `slices/worse` (how many are shown to be worse than the other rows,
        corrected for their number), and for each slice `slices/NAME/METRIC` with `/low`, `/high`.

    Raises:
        StageError: the source does not have a column, or the problem has no labels to slice by.
    """
    kind, shape = load(problem), shape_of(problem)
    test = pd.read_parquet(data / "test.parquet")
    rows: list[Row] = test.to_dict("records")  # type: ignore[assignment]
    table = read_answers(evaluation)
    beside = [name for name in columns if name not in COMPUTED]
    read: dict[str, list[Any]] = {}
    if beside and source is not None:
        read = values_of(beside, labelled, shape, source, rows, monitor=monitor)
    slices, left_out = [], []
    for name in columns:
        values = _computed(name, shape, rows) if name in COMPUTED else read[name]
        found, more = slices_of(name, values)
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
        "rows": f"{len(rows):,} {kind.ROWS}",
        "columns": columns,
        "confidence": confidence,
        "left_out": left_out,
        "too_many": too_many,
        "slices": [asdict(each) for each in measured],
        "sentences": sentences(kind, measured),
    }
    write_json(out / "finding.json", facts)
    return metrics_of(kind, measured)


def _computed(name: str, shape: Shape, rows: Sequence[Row]) -> list[Any]:
    """The length of each row, or the labels that it has."""
    if name == LENGTH:
        return lengths([shape.passage(row) for row in rows]).tolist()
    return [list(dict.fromkeys(shape.counted(row))) for row in rows]


def values_of(
    names: Sequence[str],
    labelled: LabelledData,
    shape: Shape,
    source: Source,
    rows: Sequence[Row],
    *,
    monitor: Monitor,
) -> dict[str, list[Any]]:
    """The values of some columns for each row of the test split, in its order.

    Rows of one text and document have their values in the order of the source. A source without a
    test split has them among its training rows, as stage `dataset` takes them from there.

    Raises:
        StageError: the source does not have a column.
    """
    keys = [(str(row["document"]), digest(shape.passage(row))) for row in rows]
    wanted, has_test = set(keys), False
    found: dict[bool, dict[tuple[str, bytes], deque[Row]]] = {
        is_test: defaultdict(deque) for is_test in (True, False)
    }
    unread = Notices()
    for row in source.rows(columns_read(names, labelled, shape), monitor.progress):
        require_column(names, row.values, labelled, source.location)
        example = None if row.split == "validation" else shape.parse(row, labelled, unread)
        if example is None:
            continue
        has_test = has_test or row.split == "test"
        text = digest(shape.passage(example))
        key = (row.document or text.hex(), text)
        if key in wanted:
            values = {name: row.values[name] for name in names}
            found[row.split == "test"][key].append(values)
    beside = [found[has_test][key].popleft() for key in keys]
    return {name: [each[name] for each in beside] for name in names}


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
