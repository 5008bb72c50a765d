"""Stage `slices`: on which parts of the test split a fine-tuned model is worse.

`length` is the length of the input in characters, by quarters; `label` the true label. Any other
name is a column of the source, which is read again: a test row has the values of the row of the
source with its text and its document.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor
from tasks.data.notices import Notices
from tasks.data.rows import Shape
from tasks.data.same_text import digest
from tasks.data.sliced_columns import COMPUTED, LENGTH, columns_read, require_column
from tasks.experiment.problem import LabelledData
from tasks.problems import load, shape_of
from tasks.sources import Source
from tasks.statistics.headline import read_answers
from tasks.statistics.paired_measures import lengths
from tasks.statistics.slicing.finding import find_slices


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
    rows: list[dict[str, Any]] = test.to_dict("records")  # type: ignore[assignment]
    table = read_answers(evaluation)
    beside = [name for name in columns if name not in COMPUTED]
    read: dict[str, list[Any]] = {}
    if beside and source is not None:
        read = values_of(beside, labelled, shape, source, rows, monitor=monitor)
    values = {
        name: _computed(name, shape, rows) if name in COMPUTED else read[name] for name in columns
    }
    return find_slices(
        kind, table, values, confidence=confidence, seed=seed, out=out, monitor=monitor
    )


def _computed(name: str, shape: Shape, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """The length of each row, or the labels that it has."""
    if name == LENGTH:
        return lengths([shape.passage(row) for row in rows]).tolist()
    return [list(dict.fromkeys(shape.counted(row))) for row in rows]


def values_of(
    names: Sequence[str],
    labelled: LabelledData,
    shape: Shape,
    source: Source,
    rows: Sequence[dict[str, Any]],
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
    found: dict[bool, dict[tuple[str, bytes], deque[dict[str, Any]]]] = {
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
