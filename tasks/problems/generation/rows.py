"""Rows of a prompt and its target, or of a text that is continued: which rows are valid.

Where one column is that of both, a row is a text to continue: the second half of its words is the
target. Blanks around both are left out; a model reads one blank between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.pairs import BETWEEN
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData

COLUMNS: Mapping[str, str] = {"document": "string", "prompt": "string", "target": "string"}
LABELS = ""

ROLES = ("prompt", "target")
ROLE_WORDS = {
    "prompt": "Column with the text that is to be continued",
    "target": "Column with the text that follows the prompt; that of the prompt again: the second "
    "half of each text",
}


def columns(data: LabelledData) -> Columns:
    """The prompt and the target."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example:
    """The prompt and the target, stripped."""
    column, following = (data.columns.of(role) for role in ROLES)
    prompt = _text(row, column)
    if following != column:
        return {"prompt": prompt, "target": _text(row, following)}
    words = prompt.split(" ")
    half = -(-len(words) // 2)
    first, second = (" ".join(part).strip() for part in (words[:half], words[half:]))
    if not first or not second:
        raise StageError(
            f"{row.where}: column {column!r} has one word, of which nothing is left to "
            "continue; accepted: texts of two words or more, or a column with the target"
        )
    return {"prompt": first, "target": second}


def _text(row: Row, column: str) -> str:
    found = row.values[column]
    if not isinstance(found, str) or not found.strip():
        raise StageError(f"{row.where}: column {column!r} must be text, found {kind_of(found)}")
    return encodable(found.strip(), row.where)


def passage(example: Example) -> str:
    """The prompt and the target."""
    return BETWEEN.join((example["prompt"], example["target"]))


def answer(example: Example) -> str:
    """The target."""
    return str(example["target"])


def counted(example: Example) -> Iterable[str]:
    """Nothing: targets are no labels."""
    return ()


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """None."""
    return []


def shown(example: Example) -> tuple[str, str]:
    """The target, and the prompt before it."""
    return str(example["target"]), str(example["prompt"])
