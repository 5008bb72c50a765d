"""`builtin:pydocs-summaries`: which library the first sentence of a docstring is of, names masked.

Of another domain than `builtin:pydocs-library`, whose labels it has: one sentence in place of
several, mostly of docstrings that are no rows there. So it is a further test set for models of that
problem. The ids are those of `builtin:pydocs`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.rows import Columns, Row
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, versions
from tasks.sources.pydocs.library import mask
from tasks.sources.pydocs.opening import chosen, opening
from tasks.sources.pydocs.text import origin

WRITTEN = "builtin:pydocs-summaries"
HOLDS = "text-classification"
LIBRARIES = ()

ROWS_EACH = 150  # of a library at most
MIN_CHARACTERS, MAX_CHARACTERS = 30, 200
ALL = 10**9


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
    """Unique sentences, `ROWS_EACH` per library at most.

    The rows of `builtin:pydocs-library` are the first by a hash of their ids, these are the last.
    """
    for found in chosen(f"{__name__}:summary", ALL, progress):
        yield from found[-ROWS_EACH:]


def summary(docstring: Docstring) -> list[tuple[str, str, str, dict[str, str]]]:
    """The masked first sentence; empty if it is too short or too long."""
    text = mask(next(iter(opening(docstring)), ""))
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        return []
    values = {"text": text, "label": docstring.document.partition("/")[0]}
    return [(text, docstring.document, origin(docstring.text), values)]
