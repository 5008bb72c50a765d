"""Rows of texts, or of pairs of texts, as a source has them: what some problems share."""

from __future__ import annotations

from typing import Any

from tasks.contract import StageError
from tasks.data.pairs import FIRST, SECOND, passage_of
from tasks.data.rows import Example, Row, encodable, kind_of
from tasks.experiment.problem import LabelledData


def read_texts(row: Row, data: LabelledData) -> dict[str, str]:
    """The text of a row, and its second one if rows are pairs, stripped, by role.

    Raises:
        StageError: one is missing, or not text.
    """
    columns = {FIRST: data.columns.text, SECOND: data.columns.second_text}
    return {
        role: _read(row.values[column], column, row.where)
        for role, column in columns.items()
        if column
    }


def _read(text: Any, column: str, where: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise StageError(f"{where}: column {column!r} must be text, found {kind_of(text)}")
    return encodable(text.strip(), where)


def passage(example: Example) -> str:
    """The text, or both."""
    return passage_of(example)
