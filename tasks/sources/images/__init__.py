"""Sources of pictures: one module per kind of source. Imports are light, as plans resolve sources.

`resolve` turns a location into a `Source`, as `tasks.sources.resolve` does for text. The kinds are
the modules of this folder that have these names; the last two may be missing:

    WRITTEN: str                             how a person writes it: `builtin:digits`
    LIBRARIES: tuple[str, ...]               the libraries it reads with, beside pyarrow
    is_here(location) -> bool                whether a location is of this kind
    identify(location, field) -> dict        the identity of its content; cheap
    name_of(identity) -> str                 its name on pages
    pictures(source, columns, progress)      Iterator[Picture], the same order each time
    remarks(source) -> list[str]             what is passed over
    size(source) -> int                      bytes of its files on this machine

To add one: write `NAME.py` with these names. It imports heavy libraries inside functions.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

from tasks.contract import StageError
from tasks.data.images.picture import MaskFile as MaskFile  # sources yield them
from tasks.data.images.picture import Picture as Picture
from tasks.data.images.picture import WrittenBox as WrittenBox
from tasks.experiment.images.pictures import PictureColumns
from tasks.machinery.naming.spelling import near, nearest
from tasks.machinery.naming.variants import modules_in
from tasks.sources import BUILT_IN, Progress, Source

FALLBACK = "picture_files"  # a location that no other kind claims is a path


def resolve(location: str, field: str) -> Source:
    """Determine the kind of a source of pictures and the identity of its content.

    Args:
        location: `builtin:…`, `hf:…`, a folder or a file.
        field: the field of the experiment with the location, for messages: `images.source`.

    Raises:
        StageError: there is no such source, or it contains no pictures.
    """
    kind = next(kind for kind in kinds() if _load(kind).is_here(location))
    if kind == FALLBACK:
        _require_no_misspelling(location, field)
    identity: dict[str, str] = _load(kind).identify(location, field)
    return Source(location=location, kind=f"images.{kind}", identity=identity)


def pictures(source: Source, columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """Read the pictures of a source, in the same order each time.

    Raises:
        StageError: the source cannot be read, or was changed after the run was planned.
    """
    found: Iterator[Picture] = importlib.import_module(source.module).pictures(
        source, columns, progress
    )
    return found


def _load(kind: str) -> Any:
    return importlib.import_module(f"{__name__}.{kind}")


@functools.cache
def kinds() -> tuple[str, ...]:
    """All kinds of sources of pictures, by name; the fallback is the last."""
    found = [kind.replace("-", "_") for kind in modules_in("sources/images")]
    return tuple(
        sorted(
            (kind for kind in found if hasattr(_load(kind), "is_here")),
            key=lambda kind: kind == FALLBACK,
        )
    )


def _require_no_misspelling(location: str, field: str) -> None:
    written = location.rpartition("/")[2]  # paths of a file's sources are made absolute
    ways = [_load(kind).WRITTEN for kind in kinds()]
    built_in = [way for way in ways if way.startswith(BUILT_IN)]
    if written.startswith(BUILT_IN) or near(written, built_in, cutoff=0.8):
        others = [way for way in ways if way not in built_in]
        raise StageError(
            f"{field}: no built-in source of pictures {written!r}{nearest(written, built_in)}. "
            f"Accepted: {', '.join([*built_in, *others])}"
        )
