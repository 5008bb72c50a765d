"""Rows of texts with a label: which columns they are read from, and what makes one valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.rows import Columns, Example, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData

ROLES = ("text", "label")


class TextRows:
    """A text with one label."""

    COLUMNS: Mapping[str, str] = {"document": "string", "text": "string", "label": "string"}
    LABELS = "rows"

    def columns(self, data: LabelledData) -> Columns:
        """The text and the label."""
        return columns_of(data, *ROLES)

    def parse(self, row: Row, data: LabelledData) -> Example:
        """Text and label, blanks around them taken away; numbers are fine as labels."""
        text, label = row.values[data.columns.text], row.values[data.columns.label]
        if not isinstance(text, str) or not text.strip():
            raise StageError(
                f"{row.where}: column {data.columns.text!r} must be text, found {kind_of(text)}"
            )
        if isinstance(label, int):
            label = str(label)
        if not isinstance(label, str) or not label.strip():
            raise StageError(
                f"{row.where}: the label is missing: column {data.columns.label!r} holds "
                f"{kind_of(label)}; every row needs one (text or a whole number)"
            )
        return {
            "text": encodable(text.strip(), row.where),
            "label": encodable(label.strip(), row.where),
        }

    def passage(self, example: Example) -> str:
        """The text."""
        return str(example["text"])

    def answer(self, example: Example) -> str:
        """The label."""
        return str(example["label"])

    def counted(self, example: Example) -> Iterable[str]:
        """The label."""
        return (example["label"],)

    def names(self, examples: Iterable[str]) -> list[str]:
        """The labels in alphabetical order."""
        return sorted(examples)

    def shown(self, example: Example) -> tuple[str, str]:
        """The label and the text."""
        return example["label"], example["text"]


SHAPE = TextRows()
