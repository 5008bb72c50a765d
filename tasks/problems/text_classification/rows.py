"""Rows of texts, or of pairs of texts, with a label: their columns, and which rows are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import read_label, require_learnable
from tasks.problems.text_rows import passage, read_texts

__all__ = ["passage"]

COLUMNS: Mapping[str, str] = {
    "document": "string",
    "text": "string",
    "second_text": "string",
    "label": "string",
}
LABELS = "rows"

ROLES = ("text", "second_text", "label")


def columns(data: LabelledData) -> Columns:
    """The text, the second one of pairs, and the label."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example | None:
    """Texts and label, stripped; whole numbers are accepted as labels."""
    texts = read_texts(row, data)
    label = read_label(row, data, notices)
    return None if label is None else {**texts, "label": label}


def answer(example: Example) -> str:
    """The label."""
    return str(example["label"])


def counted(example: Example) -> Iterable[str]:
    """The label."""
    return (example["label"],)


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order."""
    part = f"downstream.{data.name}"
    field = f"{part}.columns.label"
    return require_learnable(sorted(counts["train"]), counts, rows, part=part, field=field)


def shown(example: Example) -> tuple[str, str]:
    """The label and the texts."""
    return example["label"], passage(example)
