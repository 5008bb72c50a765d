"""Rows of texts with a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData

COLUMNS: Mapping[str, str] = {"document": "string", "text": "string", "label": "double"}
LABELS = ""
ROLES = ("text", "stars")
ROLE_WORDS = {"stars": "Column with the rating, a number"}


def columns(data: LabelledData) -> Columns:
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example:
    column = data.columns.of("stars")
    text, label = row.values[data.columns.text], row.values[column]
    if not isinstance(text, str) or not text.strip():
        raise StageError(f"{row.where}: the text is missing, found {kind_of(text)}")
    try:
        number = float(label)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise StageError(f"{row.where}: column {column!r} must be a number, found {kind_of(label)}")
    return {"text": encodable(text.strip(), row.where), "label": number}


def passage(example: Example) -> str:
    return str(example["text"])


def answer(example: Example) -> str:
    return str(example["label"])


def counted(example: Example) -> Iterable[str]:
    return ()


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    return []


def shown(example: Example) -> tuple[str, str]:
    return f"{example['label']:g}", example["text"]
