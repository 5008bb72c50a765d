"""`builtin:pydocs-parameters`: how many parameters a function has, by what its docstring says.

The text, which determines it in part, is what the docstring says before it lists them. The ids are
those of `builtin:pydocs`, so that a corpus can leave the documents of the test split out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.rows import Columns, Row
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, versions
from tasks.sources.pydocs.opening import chosen, joined, opening
from tasks.sources.pydocs.text import origin

WRITTEN = "builtin:pydocs-parameters"
HOLDS = "regression"
LIBRARIES = ()

ROWS_EACH = 400  # of a library at most
MIN_CHARACTERS, MAX_CHARACTERS = 60, 400  # of the text
MOST = 20  # parameters: more are counted as so many


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
    """Unique openings: `ROWS_EACH` per library at most."""
    for found in chosen(f"{__name__}:counted", ROWS_EACH, progress):
        yield from found


def counted(docstring: Docstring) -> list[tuple[str, str, str, dict[str, object]]]:
    """The opening of a docstring and the number; empty without a parameter, or if too short."""
    text = joined(opening(docstring), MAX_CHARACTERS)
    number = min(len(docstring.parameters - {"self", "cls"}), MOST)
    if not number or len(text) < MIN_CHARACTERS:
        return []
    values: dict[str, object] = {"text": text, "number": number}
    return [(text, docstring.document, origin(docstring.text), values)]
