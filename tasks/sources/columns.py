"""The columns of a table by their names, or by their numbers from 0 where it has no header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.machinery.naming.spelling import nearest

# How columns of each role are usually called, in lower case; the most telling names first.
USUAL: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("text", "sentence", "sentence1", "content", "body", "review", "reviews", "message"),
        *("comment", "tweet", "document", "premise", "question", "utterance", "description"),
        *("title", "headline", "texts", "input"),
    ),
    "label": (
        *("label", "labels", "class", "category", "sentiment", "target", "intent", "topic"),
        *("gold_label", "label_text", "tag", "polarity", "emotion", "output", "y"),
    ),
    "question": ("question", "query"),
    "passage": ("context", "passage", "paragraph", "text", "document"),
    "answer": ("answers", "answer"),
    "number": ("score", "similarity", "rating", "stars", "value", "grade", "number"),
    "tokens": ("tokens", "words", "word", "token", "sentence", "text"),
    "tags": (
        "tags",
        "ner_tags",
        "bio_tags",
        "ner",
        "tag",
        "ner_tag",
        "labels",
        "pos_tags",
        "label",
    ),
}

_SHOWN = 50  # names of columns in a message


def listed(names: Iterable[str]) -> str:
    """Names of columns for a message; a table may have very many."""
    every = list(names)
    more = f", … ({len(every):,} in all)" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def require(
    columns: Sequence[Column], there: Sequence[str], where: str, otherwise: str = ""
) -> None:
    """Check that the columns exist.

    Args:
        columns: those to read; one without a field is optional.
        there: the names of those that exist.
        where: the place, for messages.
        otherwise: what to say where no column has a near or a usual name.

    Raises:
        StageError: one does not; the message lists those that do, and the nearest spelling.
    """
    for column in columns:
        if column.field and column.name not in there:
            hint = nearest(column.name, there) or _by_usual_name(column, there)
            raise StageError(
                f"{where}: no column {column.name!r} ({column.field}){hint}"
                f"{_other_form(column.name, there)}. Columns there: {listed(map(repr, there))}"
                + (f". {otherwise}" if otherwise and not hint else "")
            )


def _other_form(name: str, there: Sequence[str]) -> str:
    """That a column has the same name in another Unicode form, which looks the same."""
    from unicodedata import normalize  # here, as it is for a message alone

    same = (each for each in there if normalize("NFC", each) == normalize("NFC", name))
    return " (the same signs in another Unicode form: copy the name from there)" * any(same)


def _by_usual_name(column: Column, there: Sequence[str]) -> str:
    """A hint at the column that is usually called so; empty if none is."""
    role = column.field.rpartition(".")[2]
    known = {name.lower(): name for name in there}
    found = next((known[name] for name in USUAL.get(role, ()) if name in known), "")
    return f"; a usual name is there: write columns: {{{role}: {found}}}" if found else ""


def text_in(values: Mapping[str, Any], column: Column, where: str) -> str:
    """The text of a row's column.

    Raises:
        StageError: it is not text, or missing.
    """
    text = values[column.name]
    if not isinstance(text, str):
        raise StageError(
            f"{where}: column {column.name!r} must be text, found {text!r:.60} ({column.field})"
        )
    return text


def by_number(columns: Sequence[Column], first: Sequence[str], where: str) -> list[str]:
    """The names of the columns of a table without a header: their numbers; empty if it has one.

    A table has none if all columns that are needed are numbers, and its first row is not 0, 1, 2, …

    Args:
        columns: those to read.
        first: the cells of the first row.
        where: the place of the first row, for messages.

    Raises:
        StageError: the first row looks like a header, or has no such column.
    """
    needed = [column for column in columns if column.field]
    numbers = [str(number) for number in range(len(first))]
    if not needed or not all(c.name.isdecimal() for c in needed) or list(first) == numbers:
        return []
    for column in needed:
        if int(column.name) >= len(first):
            raise StageError(
                f"{where}: {column.field} is {column.name}, but the row has {len(first)} cells, "
                f"numbered from 0: {', '.join(cell[:40] for cell in first)!r}"
            )
    usual = {name for names in USUAL.values() for name in names}
    found = [first[int(column.name)].strip() for column in needed]
    if all(cell.lower() in usual for cell in found):
        names = ", ".join(
            f"{column.field.rpartition('.')[2]}: {cell}"
            for column, cell in zip(needed, found, strict=True)
        )
        raise StageError(
            f"{where}: the row looks like a header, but columns that are numbers are those of a "
            f"file without one; write columns: {{{names}}}"
        )
    return numbers
