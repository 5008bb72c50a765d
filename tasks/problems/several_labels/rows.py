"""Rows of texts, or of pairs of texts, with any number of labels: which rows are valid.

Labels are a list, or a text: a JSON list, or labels with one of `SEPARATORS` between them. An empty
list and an empty text are no label at all, which is a valid answer. The separator is guessed once:
a file that has another one further down is an error.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import read_label, require_learnable
from tasks.problems.text_rows import passage, read_texts

__all__ = ["passage"]

COLUMNS: Mapping[str, str] = {
    "document": "string",
    "text": "string",
    "second_text": "string",
    "label": "list<string>",
}
LABELS = "labels"

ROLES = ("text", "second_text", "label")

SEPARATORS = ("|", ";", ",")
_SEPARATED = "labels separated by {!r} in one cell"
_REPEATED = "rows that name a label twice"
_ACCEPTED = 'a JSON list such as ["a", "b"], or labels with |, ; or , between them'


def columns(data: LabelledData) -> Columns:
    """The text, the second one of pairs, and the labels."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example | None:
    """Texts and labels, stripped, the labels in alphabetical order; whole numbers are accepted."""
    texts = read_texts(row, data)
    column = data.columns.label
    read = []
    for value in written_labels(row, column, notices):
        label = read_label(replace(row, values={**row.values, column: value}), data, notices)
        if label is None:
            return None
        read.append(label)
    if len(set(read)) < len(read):
        notices.add(_REPEATED, f"{row.where}: {', '.join(read)}")
    return {**texts, "label": sorted(set(read))}


def written_labels(row: Row, column: str, notices: Notices) -> list[Any]:
    """The labels of a row as written; a missing value is one label, which is then asked about.

    Raises:
        StageError: the list cannot be read, or what separates the labels is ambiguous.
    """
    value = row.values[column]
    if isinstance(value, list):
        found = value
    elif not isinstance(value, str):
        found = [value]
    elif value.strip().startswith("["):
        found = _listed(value, f"{row.where}: column {column!r}", notices)
    else:
        found = _separated(value, f"{row.where}: column {column!r}", notices)
    for each in found:
        if isinstance(each, list | dict):
            raise StageError(
                f"{row.where}: column {column!r} contains {kind_of(each)} in its list; accepted: "
                f"{_ACCEPTED}"
            )
    return found


def _listed(written: str, where: str, notices: Notices) -> list[Any]:
    """The list that a text is, as JSON, or as Python writes it: `['a', 'b']`."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(written.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        notices.add("lists of labels as Python writes them", f"{where}: {written}")
    if not isinstance(found, list):
        raise StageError(f"{where} contains {written!r:.60}; accepted: {_ACCEPTED}")
    return found


def _separated(written: str, where: str, notices: Notices) -> list[Any]:
    """The labels of a text, between separators; none in an empty one."""
    marks = [mark for mark in SEPARATORS if mark in written]
    if len(marks) > 1:
        raise StageError(
            f"{where} contains {written!r:.60}, with {' and '.join(map(repr, marks))}: which of "
            "them separates labels is ambiguous. Write a JSON list"
        )
    if not marks:
        return [written] if written.strip() else []
    before = [mark for mark in SEPARATORS if notices.counts[_SEPARATED.format(mark)]]
    if before and before != marks:
        example = notices.examples[_SEPARATED.format(before[0])]
        raise StageError(
            f"{where} contains {written!r:.60} with {marks[0]!r}, but labels were separated by "
            f"{before[0]!r} in {example}: which of them separates labels is ambiguous. Write JSON "
            "lists"
        )
    notices.add(_SEPARATED.format(marks[0]), f"{where}: {written}")
    return [part for part in written.split(marks[0]) if part.strip()]


def answer(example: Example) -> str:
    """The labels in one line."""
    return json.dumps(list(example["label"]))


def counted(example: Example) -> Iterable[str]:
    """The labels."""
    return example["label"]


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order."""
    part = f"downstream.{data.name}"
    field = f"{part}.columns.label"
    return require_learnable(sorted(counts["train"]), counts, rows, part=part, field=field)


def shown(example: Example) -> tuple[str, str]:
    """The labels and the texts."""
    return ", ".join(example["label"]) or "none", passage(example)
