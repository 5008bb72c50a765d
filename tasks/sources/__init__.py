"""Where data comes from: one module a kind of source. Light, as plans resolve sources.

`resolve` turns what a person wrote into a `Source`: which kind it is, where, and its identity: all
that decides about what is read, by which the cache knows it, since the location is not in the key.
The module of a kind has these names, of which it may leave out `documents` or `rows`:

    identify(location, field, holds) -> dict[str, str]           the identity; cheap
    documents(source, corpus, progress) -> Iterator[Document]    text to pre-train on
    rows(source, columns, progress) -> Iterator[Row]             rows with labels

To add one: write `NAME.py` with these names.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tasks.contract import StageError
from tasks.data.rows import Columns, Document, Row
from tasks.experiment.corpus import Corpus
from tasks.experiment.fields import Part, field
from tasks.machinery.naming.spelling import near, nearest

Kind = Literal["pydocs.text", "pydocs.library", "pydocs.code", "files", "hub"]
Holds = str
Progress = Callable[[int, int, str], None]

BUILT_IN: Mapping[str, tuple[Kind, Holds]] = {
    "builtin:pydocs": ("pydocs.text", "text"),
    "builtin:pydocs-library": ("pydocs.library", "text-classification"),
    "builtin:pydocs-code": ("pydocs.code", "token-classification"),
}


# The entry of an identity of files that tells what `documents: auto` is: a file or a paragraph. It
# has no ending, so no file that is read has this name.
UNIT = "documents"


class Source(Part):
    """Where data comes from, and what decides about its content.

    Attributes:
        location: What the person wrote: `builtin:…`, a path or `hf:…`; not in the cache's key.
        kind: The module that reads it.
        identity: Versions of packages, digests of files by their relative names and what a
            document is by default, or the commit of a data set.
    """

    location: str = field(..., "Location", "What the person wrote", in_key=False)
    kind: Kind
    identity: dict[str, str]

    @property
    def module(self) -> str:
        """The module that reads this kind of source."""
        return module_of(self.kind)

    def documents(self, corpus: Corpus, progress: Progress) -> Generator[Document, None, None]:
        """Read the text to pre-train on; close the generator where it is not read to its end.

        Raises:
            StageError: the source has none, or what it has cannot be read.
        """
        return self._reader("documents")(self, corpus, progress)

    @property
    def name(self) -> str:
        """What to call it in pages: a function of the identity, not of where it lies."""
        names = [name for name in self.identity if name != UNIT]
        if self.kind == "files":
            return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        if self.kind == "hub":
            return f"hf:{names[0]}@{self.identity[names[0]][:12]}"
        return next(name for name, (kind, _) in BUILT_IN.items() if kind == self.kind)

    def rows(self, columns: Columns, progress: Progress) -> Iterator[Row]:
        """Read the rows with labels.

        Raises:
            StageError: the source has none, or what it has cannot be read.
        """
        return self._reader("rows")(self, columns, progress)

    def _reader(self, name: str) -> Callable[..., Any]:
        reader = getattr(importlib.import_module(self.module), name, None)
        if reader is None:
            raise StageError(_wrong_use(self.location, "text" if name == "documents" else "rows"))
        return reader


def module_of(kind: str) -> str:
    """The module that reads a kind of source."""
    return f"{__name__}.{kind}"


def resolve(location: str, field: str, holds: Holds | None = None) -> Source:
    """Find out what a source is, and the identity of its content, without reading it into memory.

    Args:
        location: `builtin:…`, a file or folder, or `hf:NAME[:CONFIGURATION][@REVISION]`.
        field: The field of the experiment it stands in, for messages: `corpus.source`.
        holds: What is to be read from it: "text", or the rows of a problem; None is not checked.

    Raises:
        StageError: there is no such source, it is empty, or it does not hold that.
    """
    kind = _kind(location, field, holds)
    identify = importlib.import_module(module_of(kind)).identify
    return Source(location=location, kind=kind, identity=identify(location, field, holds))


def _kind(location: str, field: str, holds: Holds | None) -> Kind:
    if location in BUILT_IN:
        kind, content = BUILT_IN[location]
        if holds not in {None, content}:
            raise StageError(f"{field}: {_wrong_use(location, holds or '')}")
        return kind
    if location.startswith("hf:"):
        return "hub"
    written = Path(
        location
    ).name  # `buitin:pydocs` in a file is taken for a path, and made absolute
    if location.startswith("builtin:") or (
        near(written, BUILT_IN, cutoff=0.7) and not Path(location).exists()
    ):
        raise StageError(
            f"{field}: no built-in source {written!r}{nearest(written, BUILT_IN)}. Accepted: "
            f"{', '.join(BUILT_IN)}, a file, a folder, or hf:NAME[:CONFIGURATION][@REVISION]"
        )
    return "files"


def _wrong_use(location: str, wanted: str) -> str:
    content = BUILT_IN[location][1] if location in BUILT_IN else "something else"
    instead = [
        name for name, (_, held) in BUILT_IN.items() if wanted in {held, "rows"} and held != content
    ]
    found = "text without labels" if content == "text" else f"rows for {content}"
    needed = {"text": "text to pre-train on", "rows": "rows with labels"}.get(
        wanted, f"rows for {wanted}"
    )
    return f"{location} holds {found}; here is wanted {needed}, as in {' or '.join(instead)}"
