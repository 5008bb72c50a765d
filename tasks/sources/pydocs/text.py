"""`builtin:pydocs`: the prose of the docstrings of twelve packages, one document per docstring.

A real English corpus on every machine that has the project, without a download.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tasks.data.rows import Document
from tasks.data.same_text import content, digest_of
from tasks.experiment.corpus import Corpus
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import Docstring, extract, versions
from tasks.sources.pydocs.markup import plain
from tasks.sources.pydocs.prose import is_prose, read

WRITTEN = "builtin:pydocs"
HOLDS = "text"
LIBRARIES = ()


def claims(location: str) -> bool:
    """Whether this is what a person wrote."""
    return location == WRITTEN


def identify(*_: object) -> dict[str, str]:
    """The versions of the packages."""
    return versions()


def name_of(_identity: dict[str, str]) -> str:
    """As a person writes it."""
    return WRITTEN


def documents(_source: Source, _corpus: Corpus, progress: Progress) -> Iterator[Document]:
    """Every docstring that has prose, its paragraphs separated by blank lines."""
    for done, total, found in extract(f"{__name__}:prose"):
        progress(done, total, "files")
        yield from (Document(name, text) for name, text in found)


def prose(docstring: Docstring) -> list[tuple[str, str]]:
    """The id of a docstring and its prose; empty if it has none."""
    text = "\n\n".join(paragraphs(docstring.text))
    return [(docstring.document, text)] if text else []


def origin(text: str) -> str:
    """The identity of a docstring's text, independent of its id: many are copies."""
    return digest_of(content("\n\n".join(paragraphs(text)))).hex()


@cache  # a sixth of the docstrings are copies of others
def paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of running text in a docstring, without markup."""
    return tuple(line for line in map(plain, read(text).paragraphs) if line and is_prose(line))
