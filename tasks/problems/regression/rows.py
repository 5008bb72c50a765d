"""Rows of texts, or of pairs of texts, with a number: their columns, and which rows are valid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import MISSING
from tasks.problems.text_rows import passage, read_texts

__all__ = ["passage"]

COLUMNS: Mapping[str, str] = {
    "document": "string",
    "text": "string",
    "second_text": "string",
    "number": "double",
}
LABELS = ""

ROLES = ("text", "second_text", "number")

LARGEST = 1e30  # models compute in fp32, which ends at 3e38
_WRITTEN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


def columns(data: LabelledData) -> Columns:
    """The text, the second one of pairs, and the number."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example | None:
    """The texts, stripped, and the number."""
    texts = read_texts(row, data)
    number = read_number(row, data, notices)
    return None if number is None else {**texts, "number": number}


def read_number(row: Row, data: LabelledData, notices: Notices) -> float | None:
    """The number of a row; None to leave out a row whose number is missing.

    Raises:
        StageError: there is none, or it is not a finite number.
    """
    column = data.columns.number
    value = row.values[column]
    found = f"{row.where}: column {column!r} contains {_shown(value)}"
    if _is_missing(value):
        if data.missing_labels == "drop":
            notices.add("left out: rows whose number is missing", f"{row.where}: {value!r}")
            return None
        raise StageError(
            f"{found}: the number is missing; every row needs one. To leave such rows out: "
            f"downstream.{data.name}.missing_labels: drop"
        )
    number = _number_of(value)
    if number is None:
        written = str(value).strip()
        comma = isinstance(value, str) and _DECIMAL_COMMA.fullmatch(written)
        hint = f". Write {written.replace(',', '.')} for {written}" if comma else ""
        raise StageError(
            f"{found}; accepted: a number such as 3, -0.25 or 1e-3{hint}{_grouped(written)}"
        )
    if not abs(number) <= LARGEST:
        raise StageError(
            f"{found}; accepted: a finite number of at most {LARGEST:g} in size. Correct or remove "
            "the row"
        )
    return number


def _grouped(written: str) -> str:
    """The other reading of a comma that three digits follow; empty for other numbers."""
    thousands = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", written)
    bare = written.replace(",", "")
    return f"; where the comma groups thousands, write {bare}" if thousands else ""


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip().lower() in MISSING)


def _number_of(value: Any) -> float | None:
    """A number, infinite where it is too large for a float; None for what is no number."""
    if isinstance(value, str):
        written = value.strip()
        endless = written.lower().lstrip("+-") in {"inf", "infinity"}
        return float(written) if endless or _WRITTEN.fullmatch(written) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: Any) -> str:
    infinite = isinstance(value, float) and math.isinf(value)
    return "an infinite number" if infinite else kind_of(value)


def answer(example: Example) -> str:
    """The number."""
    return str(example["number"])


def counted(example: Example) -> Iterable[str]:
    """Nothing: numbers are no labels."""
    return ()


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """None."""
    return []


def shown(example: Example) -> tuple[str, str]:
    """The number and the texts."""
    return f"{example['number']:.6g}", passage(example)
