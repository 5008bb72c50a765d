"""Guesses of entities: texts with character spans, and tables with a word a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.sources.columns import USUAL
from tasks.sources.entities.spans import columns_in
from tasks.sources.entities.word_rows import sentence_column
from tasks.sources.looking import Seen


def entities_in(seen: Seen, text: str, label: str) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """The columns of texts with spans, or of a word a row, and what to say; None for neither.

    Args:
        seen: the data.
        text: the column of texts or words that a person gave, or "".
        label: that of spans or tags.
    """
    found = columns_in({name: _telling(values) for name, values in seen.columns.items()})
    if found and any(seen.columns[found[1]]):
        columns = {"tokens": text or found[0], "tags": label or found[1]}
        said = "character spans in column {tags!r} of the texts in {tokens!r}"
        return columns, (said.format(**columns),)
    return _word_rows(seen, text, label)


def _telling(values: Sequence[Any]) -> Any:
    """The first value that is not empty."""
    return next((value for value in values if value not in (None, "", [])), values[0])


def _word_rows(seen: Seen, text: str, label: str) -> tuple[dict[str, str], tuple[str, ...]] | None:
    lower = {name.lower(): name for name in reversed(list(seen.columns))}
    sentence = sentence_column(seen.columns)
    tokens, tags = text or _usual("tokens", lower), label or _usual("tags", lower)
    if seen.form not in (".csv", ".tsv") or not (sentence and tokens and tags):
        return None
    said = f"a word a row in column {tokens!r}, its tag in {tags!r}, sentences by {sentence!r}"
    return {"tokens": tokens, "tags": tags, "sentence": sentence}, (said,)


def _usual(role: str, lower: Mapping[str, str]) -> str:
    return next((lower[name] for name in USUAL[role] if name in lower), "")
