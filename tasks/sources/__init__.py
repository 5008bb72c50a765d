"""Where data comes from: one module a kind of source. Light, as plans resolve sources.

`resolve` turns what a person wrote into a `Source`: which kind it is, where, and its identity: all
that decides about what is read, by which the cache knows it, since the location is not in the key.
The kinds are the modules of this folder, and of the folders in it, that have these names; a module
may leave out the functions that read what it does not contain, and those that look at beginnings:

    WRITTEN: str                                        how a person writes it: `hf:NAME`
    HOLDS: str                                          "text", a problem, or "" where it depends
    LIBRARIES: tuple[str, ...]                          what it reads with, beside pyarrow
    claims(location) -> bool                            whether a location is of this kind
    identify(location, field, holds) -> dict[str, str]  the identity; cheap
    name_of(identity) -> str                            what pages call it
    documents(source, corpus, progress) -> Iterator[Document]  text to pre-train on
    rows(source, columns, progress) -> Iterator[Row]           rows with labels
    first_documents(source, corpus) -> list[Document]          the beginnings, for a plan
    first_rows(source, columns) -> list[Row]                   the beginnings, for a plan

To add one: write `NAME.py` with these names. It imports what is heavy inside of functions.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Columns, Document, Row
from tasks.experiment.corpus import Corpus
from tasks.experiment.fields import Part, field
from tasks.machinery.naming.spelling import near, nearest

Holds = str  # "text", or the name of a problem
Progress = Callable[[int, int, str], None]

FALLBACK = "files"  # a location that no other kind claims is a path
BUILT_IN = "builtin:"


class Source(Part):
    """Where data comes from, and what decides about its content.

    Attributes:
        location: What the person wrote: `builtin:…`, a path or `hf:…`; not in the cache's key.
        kind: The module that reads it.
        identity: Versions of packages, digests of files by their relative names and what a
            document is by default, or the commit of a data set.
    """

    location: str = field(..., "Location", "What the person wrote", in_key=False)
    kind: str
    identity: dict[str, str]

    @property
    def module(self) -> str:
        """The module that reads this kind of source."""
        return module_of(self.kind)

    @property
    def name(self) -> str:
        """What to call it in pages: a function of the identity, not of where it lies."""
        name: str = _load(self.kind).name_of(self.identity)
        return name

    @property
    def libraries(self) -> tuple[str, ...]:
        """The distributions that it is read with, beside pyarrow."""
        libraries: tuple[str, ...] = _load(self.kind).LIBRARIES
        return libraries

    def documents(self, corpus: Corpus, progress: Progress) -> Generator[Document, None, None]:
        """Read the text to pre-train on; close the generator where it is not read to its end.

        Raises:
            StageError: the source has none, or what it has cannot be read.
        """
        return self._reader("documents")(self, corpus, progress)

    def rows(self, columns: Columns, progress: Progress) -> Iterator[Row]:
        """Read the rows with labels.

        Raises:
            StageError: the source has none, or what it has cannot be read.
        """
        return self._reader("rows")(self, columns, progress)

    def first_documents(self, corpus: Corpus) -> list[Document]:
        """The documents that a plan can look at without reading all; none where it cannot.

        Raises:
            StageError: the source does not begin as it should.
        """
        look = getattr(_load(self.kind), "first_documents", None)
        return look(self, corpus) if look else []

    def first_rows(self, columns: Columns) -> list[Row]:
        """The rows that a plan can look at without reading all; none where it cannot.

        Raises:
            StageError: the source does not begin as it should.
        """
        look = getattr(_load(self.kind), "first_rows", None)
        return look(self, columns) if look else []

    def _reader(self, name: str) -> Callable[..., Any]:
        reader = getattr(_load(self.kind), name, None)
        if reader is None:
            wanted = "text" if name == "documents" else "rows"
            raise StageError(_wrong_use(self.location, _load(self.kind).HOLDS, wanted))
        return reader


def module_of(kind: str) -> str:
    """The module that reads a kind of source."""
    return f"{__name__}.{kind}"


def _load(kind: str) -> Any:
    return importlib.import_module(module_of(kind))


@functools.cache
def kinds() -> tuple[str, ...]:
    """All kinds of sources, by name; the one of what no other claims is the last."""
    root = Path(__file__).parent
    files = sorted([*root.glob("*.py"), *root.glob("*/*.py")])
    modules = [
        ".".join(file.relative_to(root).with_suffix("").parts)
        for file in files
        if file.name != "__init__.py"
    ]
    found = [module for module in modules if hasattr(_load(module), "claims")]
    return tuple(sorted(found, key=lambda kind: kind == FALLBACK))


def resolve(location: str, field: str, holds: Holds | None = None) -> Source:
    """Find out what a source is, and the identity of its content, without reading it into memory.

    Args:
        location: `builtin:…`, a file or folder, or `hf:NAME[:CONFIGURATION][@REVISION]`.
        field: The field of the experiment it stands in, for messages: `corpus.source`.
        holds: What is to be read from it: "text", or the rows of a problem; None is not checked.

    Raises:
        StageError: there is no such source, it is empty, or it does not contain that.
    """
    kind = next(kind for kind in kinds() if _load(kind).claims(location))
    if kind == FALLBACK:
        _require_no_misspelling(location, field)
    content = _load(kind).HOLDS
    if content and holds not in {None, content}:
        raise StageError(f"{field}: {_wrong_use(location, content, holds or '')}")
    identity = _load(kind).identify(location, field, holds)
    return Source(location=location, kind=kind, identity=identity)


def _require_no_misspelling(location: str, field: str) -> None:
    # `buitin:pydocs` in a file is taken for a path, and made absolute.
    written = Path(location).name
    ways = [_load(kind).WRITTEN for kind in kinds()]
    built_in = sorted(way for way in ways if way.startswith(BUILT_IN))
    misspelt = near(written, built_in, cutoff=0.7) and not Path(location).exists()
    if location.startswith(BUILT_IN) or misspelt:
        others = [way for way in ways if way not in built_in]
        raise StageError(
            f"{field}: no built-in source {written!r}{nearest(written, built_in)}. Accepted: "
            f"{', '.join([*built_in, *others])}"
        )


def _wrong_use(location: str, content: str, wanted: str) -> str:
    instead = [
        _load(kind).WRITTEN
        for kind in kinds()
        if (held := _load(kind).HOLDS) != content
        and _load(kind).WRITTEN.startswith(BUILT_IN)
        and (held == wanted or (wanted == "rows" and held != "text"))
    ]
    found = {"text": "text without labels", "": "something else"}.get(
        content, f"rows for {content}"
    )
    needed = {"text": "text to pre-train on", "rows": "rows with labels"}.get(
        wanted, f"rows for {wanted}"
    )
    example = f" (for example {' or '.join(sorted(instead))})" if instead else ""
    return f"{location} contains {found}, but this field needs {needed}{example}"
