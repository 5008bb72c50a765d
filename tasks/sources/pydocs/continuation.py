"""`builtin:pydocs-continuation`: how a docstring continues after its first sentence.

The prompt is the first sentence, the target the second one. The ids are those of `builtin:pydocs`,
so that a corpus can leave the documents of the test split out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.rows import Columns, Row
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, versions
from tasks.sources.pydocs.opening import chosen, opening
from tasks.sources.pydocs.text import origin

WRITTEN = "builtin:pydocs-continuation"
HOLDS = "generation"
LIBRARIES = ()

ROWS_EACH = 250  # of a library at most
WORDS = range(4, 31)  # of a sentence


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
    """Unique beginnings: `ROWS_EACH` per library at most."""
    for found in chosen(f"{__name__}:continued", ROWS_EACH, progress):
        yield from found


def continued(docstring: Docstring) -> list[tuple[str, str, str, dict[str, str]]]:
    """Both sentences of a docstring; empty if it has fewer, or one is too short or too long."""
    first, second = [*opening(docstring)[:2], "", ""][:2]
    if any(len(sentence.split()) not in WORDS for sentence in (first, second)):
        return []
    values = {"prompt": first, "target": second}
    return [(first, docstring.document, origin(docstring.text), values)]
