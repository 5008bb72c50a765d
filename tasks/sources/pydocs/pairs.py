"""`builtin:pydocs-pairs`: whether a summary line belongs to a docstring.

A pair is the first sentence of a docstring, and what follows it; or the first sentence of another
docstring of the same library, which a hash of the id chooses. Read it with `columns: {second_text:
second_text}`. The ids are those of `builtin:pydocs`, so that a corpus can leave the documents of
the test split out.

The simple model, which counts the words that both texts share, had an accuracy of 0.86; a BERT of 2
layers, pre-trained for 250 steps, one of 0.51 on validation after 3 epochs (2026-11-30). To compare
texts, an encoder needs more than minutes of pre-training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tasks.data.rows import Columns, Row
from tasks.data.same_text import digest
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, versions
from tasks.sources.pydocs.opening import chosen, joined, opening
from tasks.sources.pydocs.text import origin

WRITTEN = "builtin:pydocs-pairs"
HOLDS = "text-classification"
LIBRARIES = ()

ROWS_EACH = 400  # of a library at most
WORDS = range(4, 31)  # of a summary
MIN_CHARACTERS, MAX_CHARACTERS = 60, 300  # of what follows
SAME, OTHER = "same", "other"


def claims(location: str) -> bool:
    """Whether this is what a person wrote."""
    return location == WRITTEN


def identify(*_: object) -> dict[str, str]:
    """The versions of the packages."""
    return versions()


def name_of(_identity: dict[str, str]) -> str:
    """As a person writes it."""
    return WRITTEN


def rows(_source: Source, _columns: Columns, progress: Progress) -> Iterator[Row]:
    """Unique docstrings, half of them with their own summary: `ROWS_EACH` per library at most."""
    for found in chosen(f"{__name__}:summarized", ROWS_EACH, progress):
        for row, other in zip(found, [*found[1:], *found[:1]], strict=True):
            own = digest(f"{row.document} summary")[0] % 2 == 0 or len(found) == 1
            text = (row if own else other).values["text"]
            label = SAME if own else OTHER
            yield replace(row, values={**row.values, "text": text, "label": label})


def summarized(docstring: Docstring) -> list[tuple[str, str, str, dict[str, str]]]:
    """The summary of a docstring and what follows it; empty if one is too short or too long."""
    summary, *rest = opening(docstring) or [""]
    body = joined(rest, MAX_CHARACTERS)
    if len(summary.split()) not in WORDS or len(body) < MIN_CHARACTERS:
        return []
    values = {"text": summary, "second_text": body}
    return [(f"{summary} {body}", docstring.document, origin(docstring.text), values)]
