"""Sources of data: one module per kind of source. Imports are light, since plans resolve sources.

`resolve` turns a location into a `Source`: its kind, its location and its identity. The identity
determines the content, and is in the key instead of the location. The kinds are the modules of this
folder, and of its subfolders, that have these names. A module may omit the functions that read what
it does not contain, and those that read only the first rows:

    WRITTEN: str                                        how a person writes it: `hf:NAME`
    HOLDS: str                                          "text", a problem, or "" if it depends
    LIBRARIES: tuple[str, ...]                          the libraries it reads with, beside pyarrow
    claims(location) -> bool                            whether a location is of this kind
    identify(location, field, holds) -> dict[str, str]  the identity; cheap
    name_of(identity) -> str                            its name on pages
    documents(source, corpus, progress) -> Iterator[Document]  text to pre-train on
    rows(source, columns, progress) -> Iterator[Row]           rows with labels
    first_documents(source, corpus) -> list[Document]          the first documents, for a plan
    first_rows(source, columns) -> list[Row]                   the first rows, for a plan
    remarks(source) -> list[str]                        what is passed over or merged
    guesses(source, rows) -> list[tuple[str, str]]      what its content shows, and an example
    size(source) -> int                                 bytes of its files on this machine

To add one: write `NAME.py` with these names. It imports heavy libraries inside functions.
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
    """A source of data, and the identity of its content.

    Attributes:
        location: The location as written: `builtin:…`, a path or `hf:…`; not in the key.
        kind: The module that reads it.
        identity: Versions of packages, digests of files by their relative names and what a
            document is by default, or the commit of a data set.
    """

    location: str = field(..., "Location", "The location as written", in_key=False)
    kind: str
    identity: dict[str, str]

    @property
    def module(self) -> str:
        """The module that reads this kind of source."""
        return module_of(self.kind)

    @property
    def name(self) -> str:
        """Its name on pages, derived from the identity, not from the location."""
        name: str = _load(self.kind).name_of(self.identity)
        return name

    @property
    def libraries(self) -> tuple[str, ...]:
        """The distributions that read it, beside pyarrow."""
        libraries: tuple[str, ...] = _load(self.kind).LIBRARIES
        return libraries

    def documents(self, corpus: Corpus, progress: Progress) -> Generator[Document, None, None]:
        """Read the text to pre-train on; close the generator if it is not read to its end.

        Raises:
            StageError: the source has none, or cannot be read.
        """
        return self._reader("documents")(self, corpus, progress)

    def rows(self, columns: Columns, progress: Progress) -> Iterator[Row]:
        """Read the labelled rows.

        Raises:
            StageError: the source has none, or cannot be read.
        """
        return self._reader("rows")(self, columns, progress)

    def first_documents(self, corpus: Corpus) -> list[Document]:
        """The documents that a plan can read without reading all; empty if it cannot.

        Raises:
            StageError: the start of the source is invalid.
        """
        look = getattr(_load(self.kind), "first_documents", None)
        return look(self, corpus) if look else []

    def first_rows(self, columns: Columns) -> list[Row]:
        """The rows that a plan can read without reading all; empty if it cannot.

        Raises:
            StageError: the start of the source is invalid.
        """
        look = getattr(_load(self.kind), "first_rows", None)
        return look(self, columns) if look else []

    def remarks(self) -> list[str]:
        """What is passed over or merged in the source, each in a clause."""
        found: list[str] = getattr(_load(self.kind), "remarks", lambda _source: [])(self)
        return found

    def guesses(self, *, rows: bool) -> list[tuple[str, str]]:
        """What is concluded from its content, such as an encoding: what, and an example.

        Args:
            rows: whether it is read as rows with labels, or as text.
        """
        look = getattr(_load(self.kind), "guesses", None)
        return look(self, rows=rows) if look else []

    def size(self) -> int:
        """Bytes of its files on this machine; 0 if that is unknown."""
        found: int = getattr(_load(self.kind), "size", lambda _source: 0)(self)
        return found

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
    """All kinds of sources, by name; the fallback is the last."""
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
    """Determine the kind of a source and the identity of its content, in bounded memory.

    Args:
        location: `builtin:…`, a file or folder, or `hf:NAME[:CONFIGURATION][@REVISION]`.
        field: The field of the experiment with the location, for messages: `corpus.source`.
        holds: What to read from it: "text", or the rows of a problem; None is not checked.

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
    # `buitin:pydocs` in an experiment file is treated as a path, and made absolute.
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
