"""`builtin:pydocs-sections`: which kinds of sections follow the opening of a docstring.

The text is what a docstring says before its sections; the labels are the kinds of sections that it
has, or none. Read it with `several_labels: true`. The ids are those of `builtin:pydocs`, so that a
corpus can leave the documents of the test split out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.data.rows import Columns, Row
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, versions
from tasks.sources.pydocs.opening import chosen, joined, opening
from tasks.sources.pydocs.text import origin

WRITTEN = "builtin:pydocs-sections"
HOLDS = "several-labels"
LIBRARIES = ()

ROWS_EACH = 400  # of a library at most
MIN_CHARACTERS, MAX_CHARACTERS = 60, 400  # of the text
# What begins a section: its heading, on a line of its own, or a field of Sphinx.
HEADINGS = {
    "parameters": {"parameters", "args", "arguments", "params"},
    "returns": {"returns", "return", "yields"},
    "raises": {"raises"},
    "examples": {"example", "examples"},
    "notes": {"note", "notes"},
    "see also": {"see also"},
    "references": {"references"},
}
_FIELDS = {"param": "parameters", "return": "returns", "returns": "returns", "raises": "raises"}
_FIELD = re.compile(r":(param|returns?|raises)\b[^:]*:")
_UNDERLINE = re.compile(r"[-=~^]{3,}")


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
    for found in chosen(f"{__name__}:divided", ROWS_EACH, progress):
        yield from found


def divided(docstring: Docstring) -> list[tuple[str, str, str, dict[str, object]]]:
    """The opening of a docstring and the kinds of its sections; empty if it is too short."""
    text = joined(opening(docstring), MAX_CHARACTERS)
    if len(text) < MIN_CHARACTERS:
        return []
    values: dict[str, object] = {"text": text, "label": kinds_of(docstring.text)}
    return [(text, docstring.document, origin(docstring.text), values)]


def kinds_of(text: str) -> list[str]:
    """The kinds of sections in a docstring, in alphabetical order."""
    lines = [line.strip() for line in text.splitlines()]
    found: set[str] = set()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if match := _FIELD.match(line):
            found.add(_FIELDS[match[1]])
        if line.startswith(">>> "):
            found.add("examples")
        if line.endswith(":") or _UNDERLINE.fullmatch(below):
            name = line.removesuffix(":").lower()
            found |= {kind for kind, headings in HEADINGS.items() if name in headings}
    return sorted(found)
