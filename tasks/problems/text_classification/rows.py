"""Rows of texts with a label: their columns, and which rows are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import read_label, require_learnable

COLUMNS: Mapping[str, str] = {"document": "string", "text": "string", "label": "string"}
LABELS = "rows"

ROLES = ("text", "label")


def columns(data: LabelledData) -> Columns:
    """The text and the label."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example | None:
    """Text and label, stripped; whole numbers are accepted as labels."""
    text = row.values[data.columns.text]
    if not isinstance(text, str) or not text.strip():
        raise StageError(
            f"{row.where}: column {data.columns.text!r} must be text, found {kind_of(text)}"
        )
    label = read_label(row, data, notices)
    if label is None:
        return None
    return {"text": encodable(text.strip(), row.where), "label": label}


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
