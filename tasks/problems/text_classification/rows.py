"""Rows of texts with a label: their columns, and which rows are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import require_learnable

COLUMNS: Mapping[str, str] = {"document": "string", "text": "string", "label": "string"}
LABELS = "rows"

ROLES = ("text", "label")


def columns(data: LabelledData) -> Columns:
    """The text and the label."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData) -> Example:
    """Text and label, stripped; numbers are accepted as labels."""
    text, label = row.values[data.columns.text], row.values[data.columns.label]
    if not isinstance(text, str) or not text.strip():
        raise StageError(
            f"{row.where}: column {data.columns.text!r} must be text, found {kind_of(text)}"
        )
    if isinstance(label, int):
        label = str(label)
    if not isinstance(label, str) or not label.strip():
        raise StageError(
            f"{row.where}: the label is missing: column {data.columns.label!r} contains "
            f"{kind_of(label)}; every row needs one (text or a whole number)"
        )
    return {
        "text": encodable(text.strip(), row.where),
        "label": encodable(label.strip(), row.where),
    }


def passage(example: Example) -> str:
    """The text."""
    return str(example["text"])


def answer(example: Example) -> str:
    """The label."""
    return str(example["label"])


def counted(example: Example) -> Iterable[str]:
    """The label."""
    return (example["label"],)


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order."""
    part = f"downstream.{data.name}"
    field = columns(data).needed[1].field
    return require_learnable(sorted(counts["train"]), counts, rows, part=part, field=field)


def shown(example: Example) -> tuple[str, str]:
    """The label and the text."""
    return example["label"], example["text"]
