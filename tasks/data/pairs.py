"""Rows of one text, or of two: `text`, and `second_text` where rows are pairs.

Rows are the same if both texts are. So a pair is looked up as one passage, with a sign between its
texts that is neither a blank nor punctuation: "a b" and "c" are another pair than "a" and "b c".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FIRST, SECOND = "text", "second_text"
BETWEEN = " ⏎ "


def texts_of(row: Any) -> tuple[str, ...]:
    """The texts of a row, which is a mapping or a row of a table; none if its input is no text."""
    return tuple(str(row[name]) for name in (FIRST, SECOND) if name in row)


def passage_of(row: Any) -> str:
    """The text of a row, or both in one."""
    return BETWEEN.join(texts_of(row))


def passages(rows: pd.DataFrame) -> list[str]:
    """The passage of each row of a table."""
    if SECOND not in rows:
        return list(rows[FIRST])
    return [BETWEEN.join(pair) for pair in zip(rows[FIRST], rows[SECOND], strict=True)]
